/// Where the headers of an answer go: lines of an HTTP response, or key/value pairs of a gRPC message.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

#include "base/text_buffer.hpp"

namespace starling {

/// The name of a header, as HTTP/1 writes it and in the lower case of HTTP/2. Sinks keep views of it, so it
/// is to be a constant that lives for ever.
class HeaderName {
 public:
  static constexpr std::size_t bytes_max = 32;
  using Line = std::array<char, bytes_max + 2>;

  consteval explicit HeaderName(std::string_view text) : text_(text) {
    std::transform(text.begin(), text.end(), lower_.begin(),  // out of bounds does not compile
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    std::copy(text.begin(), text.end(), line_.begin());
    line_[text.size()] = ':';
    line_[text.size() + 1] = ' ';
  }
  HeaderName(const HeaderName&) = delete;
  HeaderName& operator=(const HeaderName&) = delete;

  constexpr std::string_view text() const { return text_; }
  constexpr std::string_view lower() const { return {lower_.data(), text_.size()}; }
  /// How HTTP/1 begins its line: the name, a colon and a space. The rest of `line` is padding.
  constexpr const Line& line() const { return line_; }
  constexpr std::size_t line_bytes() const { return text_.size() + 2; }

 private:
  std::string_view text_;
  std::array<char, bytes_max> lower_{};
  Line line_{};
};

class HeaderSink {
 public:
  /// Begins a header; its value is to be appended to what this returns, printable ASCII only, before
  /// `end_header`. What the text held before is the sink's own business.
  virtual TextBuffer& begin_header(const HeaderName& name) = 0;
  virtual void end_header() = 0;
  /// A whole header; `value` is printable ASCII.
  virtual void add(const HeaderName& name, std::string_view value) {
    begin_header(name).append(value);
    end_header();
  }

 protected:
  ~HeaderSink() = default;
};

}  // namespace starling
