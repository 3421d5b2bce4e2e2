/// How the public API reports what went wrong: one small type, and no exception ever.
#pragma once

#include <string>
#include <utility>

namespace starling::embed {

/// What went wrong, or that nothing did. True when there is an error:
///
///     if (starling::embed::Error error = node.start()) std::fputs(error.message().c_str(), stderr);
///
/// A call that returns an error has changed nothing, unless it says otherwise.
class [[nodiscard]] Error {
 public:
  /// No error.
  Error() = default;
  /// An error; `message` must not be empty.
  explicit Error(std::string message) : message_(std::move(message)) {}

  /// True if something went wrong.
  explicit operator bool() const { return !message_.empty(); }

  /// For people: what was expected, what was found, what to do. One line without its end for each problem;
  /// only a rules text with several mistakes has several. Empty if nothing went wrong. Settings are called by
  /// the names that `starling node --help` gives them.
  const std::string& message() const { return message_; }

 private:
  std::string message_;
};

}  // namespace starling::embed
