/// The key file: what the packets of a cluster are sealed with, and how it comes to be.
///
///     # first entry: what is sent with; all are accepted
///     q83vEjRWeJC...=           a key: 32 random bytes in base64, as `starling keygen` prints it
///     plain                     packets that are not sealed: the step between without keys and with
///
/// A file with one mistake is refused whole. Messages name file and line, what was expected and what to do,
/// and never anything that the file says: a half of a key in a log is a key that is easily guessed.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "wire/key_ring.hpp"

namespace starling {

inline constexpr std::size_t key_file_bytes_max = std::size_t{16} * 1024;
/// Base64 with its padding.
inline constexpr std::size_t key_text_bytes = (wire::master_key_bytes + 2) / 3 * 4;

/// Blocks; may be called on any thread. Error: one line for people.
tl::expected<wire::KeyRing, std::string> read_key_file(const std::string& path);

/// `name`: what messages call the text.
tl::expected<wire::KeyRing, std::string> parse_keys(std::string_view text, const std::string& name);

/// A new key as a line for the file, wiped when it goes.
class NewKey {
 public:
  NewKey();
  ~NewKey();
  NewKey(const NewKey&) = delete;
  NewKey& operator=(const NewKey&) = delete;

  /// With a line end.
  std::string_view line() const { return {text_.data(), key_text_bytes + 1}; }

 private:
  std::array<char, key_text_bytes + 1> text_{};
};

/// "ab12cd34"
std::string to_text(wire::KeyId id);
/// The ring in the order of its file, as logs say it: "ab12cd34,plain".
std::string to_text(const std::vector<wire::KeyId>& ids, wire::PlainPackets plain);
std::string to_text(const wire::KeyRing& ring);

}  // namespace starling
