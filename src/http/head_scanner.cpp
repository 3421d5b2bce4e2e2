#include "http/head_scanner.hpp"

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

namespace starling::http {
namespace {

/// Control characters, but not the tab: line ends, and what has no place in a head.
constexpr std::array<bool, 256> control_characters = [] {
  std::array<bool, 256> table{};
  for (unsigned char c = 0; c < ' '; ++c) table[c] = c != '\t';
  table[0x7f] = true;
  return table;
}();

/// Marks by their top bits which of eight bytes are below ' ' or DEL; the lowest mark is right, others may be
/// wrong. The top bit of a byte is set by the subtraction if the byte is too small, and `~word` takes out
/// those that had it set before; a borrow comes only from a byte that was found (Warren, "Hacker's Delight",
/// section 6-1).
std::uint64_t mark_controls(std::uint64_t word) {
  constexpr std::uint64_t ones = 0x0101'0101'0101'0101;
  constexpr std::uint64_t tops = 0x80 * ones;
  const std::uint64_t del = word ^ (0x7f * ones);
  return (((word - ' ' * ones) & ~word) | ((del - ones) & ~del)) & tops;
}

/// The first control character of `bytes` at or after `at`; their size if there is none.
std::size_t find_control(std::string_view bytes, std::size_t at) {
  static_assert(std::endian::native == std::endian::little);  // the lowest mark is the first byte's
  for (std::uint64_t word = 0; bytes.size() - at >= sizeof word;) {
    std::memcpy(&word, bytes.data() + at, sizeof word);
    const std::uint64_t marks = mark_controls(word);
    if (marks == 0) {
      at += sizeof word;
      continue;
    }
    at += static_cast<std::size_t>(std::countr_zero(marks)) / 8;
    if (bytes[at] != '\t') return at;
    ++at;
  }
  while (at < bytes.size() && !control_characters[static_cast<unsigned char>(bytes[at])]) ++at;
  return at;
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
    scanned_ = find_control(bytes, scanned_);
    if (scanned_ == bytes.size()) break;
    if (bytes[scanned_] == '\n') return fail("an LF without CR; lines end with CRLF");
    if (bytes[scanned_] != '\r') return fail("a control character in the request");
    after_cr_ = true;
    ++scanned_;
  }
  return Found::nothing_yet;
}

}  // namespace starling::http
