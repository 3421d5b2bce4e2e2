/// Reads one request's body, in whatever pieces it comes: by its length, or chunk by chunk.
///
/// What is kept is the body alone, never more than `bytes_max` of it. The framing of chunks is read strictly
/// and thrown away: sizes are hexadecimal digits and nothing else, lines end with CRLF, extensions and
/// trailers are stepped over within bounds. Two servers that read a chunk's size in two ways are what request
/// smuggling is made of, so llhttp, which takes more than the grammar, is not asked here. Source: RFC 9112,
/// sections 6.3 and 7.1.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace starling::http {

class BodyReader {
 public:
  enum class State : std::uint8_t { needs_more, complete, malformed, too_large };

  static BodyReader of_length(std::uint64_t content_length, std::size_t bytes_max);
  static BodyReader of_chunks(std::size_t bytes_max);

  /// Takes the next bytes of the connection; returns how many of them belong to the body and its framing. In
  /// any state but `needs_more` it takes none.
  std::size_t take(std::string_view bytes);

  State state() const { return state_; }
  std::string_view error() const { return error_; }  ///< why it is malformed, for the client
  std::string_view body() const { return body_; }    ///< what has come so far

 private:
  enum class At : std::uint8_t {
    size,
    white_space,  ///< before an extension
    extension,
    size_lf,
    data,
    data_cr,
    data_lf,
    trailer_start,
    trailer,
    trailer_lf,
    last_lf,
  };

  explicit BodyReader(std::size_t bytes_max) : bytes_max_(bytes_max) {}
  std::size_t take_data(std::string_view bytes);
  void take_framing(char c);
  void on_size(char c);
  void on_size_line_end();
  void on_trailer(char c);
  void expect(char wanted, char c, At next, std::string_view otherwise);
  void fail(std::string_view message);

  std::size_t bytes_max_;
  std::string body_;
  std::uint64_t left_bytes_ = 0;   ///< of the body or of the chunk
  std::size_t framing_bytes_ = 0;  ///< of a chunk's first line, or of all trailers
  std::size_t digits_count_ = 0;
  bool chunked_ = false;
  At at_ = At::data;
  State state_ = State::needs_more;
  std::string_view error_;
};

}  // namespace starling::http
