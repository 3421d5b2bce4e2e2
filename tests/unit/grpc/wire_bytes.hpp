/// Protobuf messages put together by hand, straight from the encoding's specification: nothing here knows
/// the codec under test or the library it uses.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace starling::testing {

inline std::string varint(std::uint64_t number) {
  std::string out;
  for (; number >= 0x80; number >>= 7U) out += static_cast<char>(0x80U | (number & 0x7FU));
  out += static_cast<char>(number);
  return out;
}

inline std::string tag(unsigned field, unsigned wire_type) {
  return varint(std::uint64_t{field} << 3U | wire_type);
}

inline std::string number(unsigned field, std::uint64_t value) {
  return tag(field, 0) + varint(value);
}

/// A string, or a message within a message.
inline std::string bytes(unsigned field, std::string_view value) {
  return tag(field, 2) + varint(value.size()) + std::string(value);
}

inline std::string fixed32(unsigned field) {
  return tag(field, 5) + "abcd";
}

inline std::string fixed64(unsigned field) {
  return tag(field, 1) + "abcdefgh";
}

inline std::string entry(std::string_view key, std::string_view value) {
  return bytes(1, bytes(1, key) + bytes(2, value));
}

/// A `RateLimitRequest` with one descriptor of one entry, and what is put behind.
inline std::string plain_request(std::string_view more = {}) {
  return bytes(1, "test") + bytes(2, entry("principal", "alice")) + std::string(more);
}

}  // namespace starling::testing
