/// Reads a file that holds a secret: the admin API's token, the keys of gossip.
///
/// A file that others on the machine can read is refused rather than warned about: whoever can read it holds
/// what it protects. Symlinks are followed (a Kubernetes Secret is one), anything but a regular file is
/// refused without waiting for it, and nothing of the content is ever in a message.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace starling {

/// Text that is wiped when it goes. Moved, never copied.
class SecretText {
 public:
  SecretText() = default;
  /// Room for `bytes`; what is in it is not defined.
  explicit SecretText(std::size_t bytes) : text_(bytes, '\0') {}
  ~SecretText();
  SecretText(SecretText&& other) noexcept { text_.swap(other.text_); }
  SecretText& operator=(SecretText&& other) noexcept {
    text_.swap(other.text_);
    return *this;
  }
  SecretText(const SecretText&) = delete;
  SecretText& operator=(const SecretText&) = delete;

  char* data() { return text_.data(); }
  std::size_t size() const { return text_.size(); }
  std::string_view view() const { return text_; }
  /// Keeps the first `bytes`; what is behind them is wiped.
  void cut(std::size_t bytes);

 private:
  std::string text_;
};

struct SecretFileOptions {
  std::string_view expected;  ///< for messages: "a file with one line"
  std::size_t bytes_max =
      0;  ///< of a longer file this much is read, so that its reader can say it is too long
  std::string_view mode_hint;  ///< for messages: what else to do about a mode that is too open
};

/// Blocks; may be called on any thread. Errors are one line that names the file, what was expected and what
/// was found.
tl::expected<SecretText, std::string> read_secret_file(const std::string& path,
                                                       const SecretFileOptions& options);

}  // namespace starling
