#include "http/head_scanner.hpp"

namespace starling::http {
namespace {

constexpr bool is_control(char c) {
  return (c >= 0 && c < ' ' && c != '\t') || c == '\x7f';
}

}  // namespace

HeadScanner::Found HeadScanner::fail(std::string_view message) {
  error_ = message;
  return Found::error;
}

HeadScanner::Found HeadScanner::scan(std::string_view bytes) {
  if (!error_.empty()) return Found::error;
  while (scanned_ < bytes.size()) {
    const char c = bytes[scanned_];
    if (after_cr_) {
      if (c != '\n') return fail("a CR without LF; lines end with CRLF");
      after_cr_ = false;
      const bool blank = scanned_ == line_at_ + 1;
      ++scanned_;
      line_at_ = scanned_;
      if (blank) return Found::head;
      if (first_line_ == 0) first_line_ = scanned_;
      continue;
    }
    if (scanned_ == line_at_ && first_line_ != 0 && (c == ' ' || c == '\t'))
      return fail("a header line that starts with white space; folded headers are obsolete");
    if (is_control(c)) {
      if (c == '\n') return fail("an LF without CR; lines end with CRLF");
      if (c != '\r') return fail("a control character in the request");
      after_cr_ = true;
    }
    ++scanned_;
  }
  return Found::nothing_yet;
}

}  // namespace starling::http
