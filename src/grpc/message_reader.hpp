/// Finds the one message of a unary call's request in its bytes, however DATA frames cut them.
///
/// On the wire a message is one byte of flags (0, or 1 for compressed), four bytes of length, most
/// significant first, and that many bytes (gRPC over HTTP/2, "Length-Prefixed-Message"). What cannot become
/// an acceptable message is known as early as its first five bytes, and nothing is kept for it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace starling::grpc {

inline constexpr std::size_t message_prefix_bytes = 5;

class MessageReader {
 public:
  enum class State : std::uint8_t {
    empty,       ///< not a byte has come
    partial,     ///< some bytes are missing
    whole,       ///< the message is there
    too_many,    ///< there are bytes after the message
    compressed,  ///< the flag says so
    bad_flag,    ///< neither 0 nor 1
    too_large,   ///< its length is above the bound
  };

  /// Takes the next bytes of the request. From `too_many` on it takes none.
  State take(std::string_view bytes, std::size_t message_bytes_max);
  State state() const { return state_; }
  /// The message, once it is whole.
  std::string_view message() const { return message_; }
  /// What the prefix says, once it has come.
  std::size_t length() const { return length_; }
  std::size_t buffered_bytes() const { return message_.size(); }

  /// Forgets the message but not the state; keeps memory for `kept_bytes_max` at most.
  void drop_message(std::size_t kept_bytes_max);
  /// Ready for another call; keeps memory for `kept_bytes_max` at most.
  void reset(std::size_t kept_bytes_max);

 private:
  State read_prefix(std::size_t message_bytes_max);

  State state_ = State::empty;
  std::size_t prefix_bytes_ = 0;  ///< read so far
  std::size_t length_ = 0;
  std::array<unsigned char, message_prefix_bytes> prefix_{};
  std::string message_;
};

/// Writes the prefix of a message of `bytes` bytes to `prefix`.
void write_prefix(char* prefix, std::size_t bytes);

}  // namespace starling::grpc
