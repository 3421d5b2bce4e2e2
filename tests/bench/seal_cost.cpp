// What a seal costs, against libsodium's bare ChaCha20-Poly1305 in the same run, and what a forged packet
// costs against a true one. No test: prints medians of rounds that take turns. `seal_cost 0` leaves
// sodium_init out, so that libsodium uses its portable code.
#include <sodium.h>
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "base/check.hpp"
#include "base/random.hpp"
#include "wire/opener.hpp"
#include "wire/seal.hpp"
#include "wire/sealer.hpp"

namespace {

using namespace starling;
using namespace starling::wire;
using Packet = std::vector<std::byte>;

constexpr std::string_view cluster = "starling";
constexpr int rounds = 101;
constexpr int packets_per_round = 500;

KeyRing ring() {
  KeyRing result;
  result.keys.emplace_back();
  for (std::size_t i = 0; i < master_key_bytes; ++i)
    result.keys[0].bytes[i] = static_cast<unsigned char>(i * 7);
  result.plain = PlainPackets::refused;
  return result;
}

struct Case {
  std::string name;
  std::function<void(int)> once;
  std::vector<double> ns;
};

/// Of this thread: others may be busy on this machine.
double cpu_ns() {
  timespec now{};
  STARLING_CHECK(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now) == 0);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2),
                   values.end());
  return values[values.size() / 2];
}

void measure(std::size_t body_bytes) {
  const Packet body(body_bytes, std::byte{3});
  Packet out(datagram_bytes_max + 100);
  Sealer sealer(OriginId{1}, cluster, ring());
  Opener opener(cluster, ring());
  std::vector<Packet> truly(64, Packet(header_bytes + seal_bytes + body_bytes));
  for (Packet& packet : truly) sealer.seal(Kind::delta, body, packet);
  std::vector<Packet> other_key = truly;
  std::vector<Packet> other_mark = truly;
  std::vector<Packet> other_body = truly;
  for (Packet& packet : other_key) packet[16] ^= std::byte{1};
  for (Packet& packet : other_mark) packet[20] ^= std::byte{1};
  for (Packet& packet : other_body) packet.back() ^= std::byte{1};
  Random random(1);
  std::vector<unsigned char> key(32, 5), nonce(12, 6), associated(sealed_header_bytes + cluster.size(), 7);
  std::vector<unsigned char> sealed(body_bytes + tag_bytes), opened(body_bytes + tag_bytes);
  const auto* plain = reinterpret_cast<const unsigned char*>(body.data());
  const auto bare_seal = [&](int) {
    crypto_aead_chacha20poly1305_ietf_encrypt(sealed.data(), nullptr, plain, body_bytes, associated.data(),
                                              associated.size(), nullptr, nonce.data(), key.data());
  };
  bare_seal(0);
  const auto bare_open = [&](int) {
    STARLING_CHECK(crypto_aead_chacha20poly1305_ietf_decrypt(
                       opened.data(), nullptr, nullptr, sealed.data(), sealed.size(), associated.data(),
                       associated.size(), nonce.data(), key.data()) == 0);
  };
  const auto open = [&](const std::vector<Packet>& packets, bool opens) {
    return [&packets, &opener, &out, opens](int i) {
      STARLING_CHECK(opener.open(packets[static_cast<std::size_t>(i) % 64], out, Instant{}).has_value() ==
                     opens);
    };
  };
  Packet seal_into(header_bytes + seal_bytes + body_bytes);
  std::vector<Case> cases{
      {"libsodium: seal", bare_seal, {}},
      {"libsodium: open", bare_open, {}},
      {"Sealer::seal", [&](int) { sealer.seal(Kind::delta, body, seal_into); }, {}},
      {"Opener::open, true", open(truly, true), {}},
      {"forged: unknown key id", open(other_key, false), {}},
      {"forged: key id right, mark made up", open(other_mark, false), {}},
      {"overheard header, another body", open(other_body, false), {}},
      {"a subkey derived",
       [&](int i) { derive_subkey(ring().keys[0], OriginId{static_cast<std::uint64_t>(i)}, cluster); },
       {}}};
  for (int round = 0; round < rounds; ++round) {
    for (Case& one : cases) {
      const double begin = cpu_ns();
      for (int i = 0; i < packets_per_round; ++i) one.once(i);
      one.ns.push_back((cpu_ns() - begin) / packets_per_round);
    }
  }
  std::printf("body of %zu bytes\n", body_bytes);
  for (const Case& one : cases) std::printf("  %-36s %7.0f ns\n", one.name.c_str(), median(one.ns));
  std::vector<double> ratios;
  for (int round = 0; round < rounds; ++round) {
    const auto at = static_cast<std::size_t>(round);
    ratios.push_back((cases[2].ns[at] + cases[3].ns[at]) / (cases[0].ns[at] + cases[1].ns[at]));
  }
  std::printf("  %-36s %7.2f\n", "seal and open / libsodium", median(ratios));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2 || std::string(argv[1]) != "0") STARLING_CHECK(sodium_init() >= 0);
  for (const std::size_t body_bytes : {std::size_t{100}, std::size_t{400}, std::size_t{1176}})
    measure(body_bytes);
}
