#include "http/body_reader.hpp"

#include <algorithm>

namespace starling::http {
namespace {

/// Extensions mean nothing to us, so there is no reason to take many of them.
constexpr std::size_t chunk_line_bytes_max = 256;
constexpr std::size_t trailers_bytes_max = std::size_t{4} * 1024;

constexpr bool is_control(char c) {
  return (c >= 0 && c < ' ' && c != '\t') || c == '\x7f';
}

/// The value of a hexadecimal digit, or -1.
constexpr int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

BodyReader BodyReader::of_length(std::uint64_t content_length, std::size_t bytes_max) {
  BodyReader reader(bytes_max);
  reader.left_bytes_ = content_length;
  if (content_length == 0) reader.state_ = State::complete;
  if (content_length > bytes_max) reader.state_ = State::too_large;
  return reader;
}

BodyReader BodyReader::of_chunks(std::size_t bytes_max) {
  BodyReader reader(bytes_max);
  reader.chunked_ = true;
  reader.at_ = At::size;
  return reader;
}

std::size_t BodyReader::take(std::string_view bytes) {
  std::size_t used = 0;
  while (state_ == State::needs_more && used < bytes.size()) {
    if (at_ == At::data)
      used += take_data(bytes.substr(used));
    else
      take_framing(bytes[used++]);
  }
  return used;
}

std::size_t BodyReader::take_data(std::string_view bytes) {
  const auto taken = static_cast<std::size_t>(std::min<std::uint64_t>(left_bytes_, bytes.size()));
  body_.append(bytes.substr(0, taken));
  left_bytes_ -= taken;
  if (left_bytes_ > 0) return taken;
  if (chunked_)
    at_ = At::data_cr;
  else
    state_ = State::complete;
  return taken;
}

void BodyReader::take_framing(char c) {
  switch (at_) {
    case At::size:
      return on_size(c);
    case At::white_space:
      if (++framing_bytes_ > chunk_line_bytes_max) return fail("a chunk's size line is too long");
      if (c == ';')
        at_ = At::extension;
      else if (c != ' ' && c != '\t')
        fail("a chunk's size is followed by neither CRLF nor an extension");
      return;
    case At::extension:
      if (++framing_bytes_ > chunk_line_bytes_max) return fail("a chunk's size line is too long");
      if (c == '\r')
        at_ = At::size_lf;
      else if (is_control(c))
        fail("a control character in a chunk's extension; lines end with CRLF");
      return;
    case At::size_lf:
      if (c != '\n') return fail("a CR without LF after a chunk's size");
      return on_size_line_end();
    case At::data:
      return;
    case At::data_cr:
      return expect('\r', c, At::data_lf, "a chunk does not end with CRLF");
    case At::data_lf:
      return expect('\n', c, At::size, "a chunk does not end with CRLF");
    case At::trailer_start:
    case At::trailer:
      return on_trailer(c);
    case At::trailer_lf:
      return expect('\n', c, At::trailer_start, "a CR without LF in the trailers");
    case At::last_lf:
      if (c != '\n') return fail("a CR without LF after the last chunk");
      state_ = State::complete;
      return;
  }
}

void BodyReader::on_size(char c) {
  if (const int digit = digit_of(c); digit >= 0) {
    // Zeros in front are digits too; without the bound they could go on for ever.
    if (++digits_count_ > chunk_line_bytes_max) return fail("a chunk's size line is too long");
    left_bytes_ = left_bytes_ * 16 + static_cast<std::uint64_t>(digit);
    // The bound comes long before 64 bits do, so this cannot overflow.
    if (left_bytes_ > bytes_max_ - body_.size()) state_ = State::too_large;
    return;
  }
  if (digits_count_ == 0) return fail("expected a chunk's size in hexadecimal digits");
  framing_bytes_ = digits_count_;
  if (c == '\r')
    at_ = At::size_lf;
  else if (c == ';')
    at_ = At::extension;
  else if (c == ' ' || c == '\t')
    at_ = At::white_space;
  else
    fail("expected a chunk's size in hexadecimal digits");
}

void BodyReader::on_size_line_end() {
  framing_bytes_ = 0;
  digits_count_ = 0;
  at_ = left_bytes_ > 0 ? At::data : At::trailer_start;
}

void BodyReader::on_trailer(char c) {
  if (++framing_bytes_ > trailers_bytes_max) return fail("the trailers are too large");
  if (c == '\r') {
    at_ = at_ == At::trailer_start ? At::last_lf : At::trailer_lf;
    return;
  }
  if (is_control(c)) return fail("a control character in the trailers; lines end with CRLF");
  if (at_ == At::trailer_start && (c == ' ' || c == '\t'))
    return fail("a trailer line that starts with white space; folded headers are obsolete");
  at_ = At::trailer;
}

void BodyReader::expect(char wanted, char c, At next, std::string_view otherwise) {
  if (c != wanted) return fail(otherwise);
  at_ = next;
}

void BodyReader::fail(std::string_view message) {
  state_ = State::malformed;
  error_ = message;
}

}  // namespace starling::http
