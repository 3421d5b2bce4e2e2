// A key file: what is accepted is a ring of different keys that is the same when it is written and read
// again; what is refused is refused in one line that tells nothing of the file.
#include "node/key_file.hpp"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <string>

#include "target.hpp"

using namespace starling;

namespace {

/// No word of a message is as long; a key's text is.
constexpr std::size_t secret_run_chars = 12;

bool tells_a_secret(std::string_view message) {
  std::size_t run = 0;
  for (const char c : message) {
    const bool is_base64 = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                           c == '+' || c == '/' || c == '=';
    run = is_base64 ? run + 1 : 0;
    if (run >= secret_run_chars) return true;
  }
  return false;
}

std::string line_of(const wire::MasterKey& key) {
  std::array<char, key_text_bytes + 1> text{};
  sodium_bin2base64(text.data(), text.size(), key.bytes.data(), key.bytes.size(),
                    sodium_base64_VARIANT_ORIGINAL);
  return std::string(text.data()) + '\n';
}

std::string written(const wire::KeyRing& ring) {
  std::string text = ring.plain == wire::PlainPackets::sent ? "plain\n" : "";
  for (const wire::MasterKey& key : ring.keys) text += line_of(key);
  if (ring.plain == wire::PlainPackets::accepted) text += "plain\n";
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes_count) {
  const auto ring = parse_keys(fuzz::text_of(data, bytes_count), "keys");
  if (!ring) {
    REQUIRE_THAT(ring.error().starts_with("keys:"));
    REQUIRE_THAT(ring.error().find_first_of("\r\n") == std::string::npos);
    REQUIRE_THAT(!tells_a_secret(ring.error()));
    return 0;
  }
  REQUIRE_THAT(!ring->keys.empty() && ring->keys.size() <= wire::keys_per_ring_max);
  for (std::size_t i = 0; i < ring->keys.size(); ++i)
    for (std::size_t j = 0; j < i; ++j) REQUIRE_THAT(ring->keys[i].id() != ring->keys[j].id());
  const auto again = parse_keys(written(*ring), "keys");
  REQUIRE_THAT(again.has_value() && *again == *ring);
  return 0;
}
