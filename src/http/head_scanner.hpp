/// Finds where a request's head (request line and headers) ends, before anything reads what it says.
///
/// Because the whole head is at hand before it is parsed, every name and value is one view into the input and
/// nothing is copied; and how the bytes were cut into packets cannot change how they are read. On the way the
/// scanner refuses what parsers are known to read in different ways, which is what request smuggling is made
/// of: line ends other than CRLF, folded headers (llhttp 8.1 takes them), and control characters. A byte is
/// looked at once, however small the pieces in which it comes. Source: RFC 9112, sections 2.2 and 5.2.
#pragma once

#include <cstddef>
#include <string_view>

namespace starling::http {

class HeadScanner {
 public:
  enum class Found { nothing_yet, head, error };

  /// `bytes` starts with the head and holds at least what the last call held. Blank lines before a head are
  /// the caller's to skip.
  Found scan(std::string_view bytes);

  std::size_t head_bytes() const { return scanned_; }           ///< with the blank line; once it was found
  std::size_t first_line_bytes() const { return first_line_; }  ///< with its CRLF; 0 while it is not complete
  std::string_view error() const { return error_; }

  void reset() { *this = HeadScanner{}; }

 private:
  Found fail(std::string_view message);

  std::size_t scanned_ = 0;
  std::size_t line_at_ = 0;
  std::size_t first_line_ = 0;
  bool after_cr_ = false;
  std::string_view error_;
};

}  // namespace starling::http
