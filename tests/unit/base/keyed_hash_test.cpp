/// The hash decides which counter a request is counted in, on every node of a cluster: if it changed, nodes
/// of two versions would count apart during an upgrade. So the answers are fixed here. They come from an
/// independent implementation (Python's hashlib.blake2b and SipHash-2-4 written after the paper), not from
/// this one.
#include "base/keyed_hash.hpp"

#include <doctest/doctest.h>

#include <array>
#include <set>
#include <string>

#include "base/random.hpp"

namespace starling {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

TEST_SUITE("base.keyed_hash") {
  TEST_CASE("hashes and tags of a cluster are what they have always been") {
    std::array<std::byte, 64> ascending{};
    for (std::size_t i = 0; i < ascending.size(); ++i) ascending[i] = static_cast<std::byte>(i);
    const std::string_view zero("\0", 1);

    const KeyedHash starling("starling");
    CHECK(starling.cluster_tag() == 0x4fda3b5a63f3e557);
    CHECK(starling(bytes_of("")) == 0x38c7d7bb9c1315e1);
    CHECK(starling(bytes_of(zero)) == 0x3f8de52916a30e41);
    CHECK(starling(bytes_of("principal")) == 0x5516633d3bdc3028);
    CHECK(starling(ascending) == 0x1a0a7370952416dd);

    const KeyedHash blue("blue");
    CHECK(blue.cluster_tag() == 0x13749d29727de884);
    CHECK(blue(bytes_of("principal")) == 0x1e47f40d6909917);
    CHECK(blue(ascending) == 0x4e16d1214235f68b);

    const KeyedHash nameless("");
    CHECK(nameless.cluster_tag() == 0xd58570e2a9c7a5db);
    CHECK(nameless(bytes_of("")) == 0x90891a81e24842cf);
  }

  TEST_CASE("another cluster name is another hash and another tag, however close the names are") {
    std::set<std::uint64_t> tags;
    std::set<std::uint64_t> hashes;
    const std::string_view nul_ended("a\0", 2);
    for (const std::string_view name : {std::string_view(""), std::string_view("a"), std::string_view("b"),
                                        std::string_view("A"), std::string_view("aa"), nul_ended}) {
      tags.insert(KeyedHash(name).cluster_tag());
      hashes.insert(KeyedHash(name)(bytes_of("alice")));
    }
    CHECK(tags.size() == 6);
    CHECK(hashes.size() == 6);
  }

  TEST_CASE("any change of one bit changes about half of the hash") {
    const KeyedHash hash("starling");
    Random random(1);
    std::array<std::byte, 24> input{};
    for (auto& byte : input) byte = static_cast<std::byte>(random.next());
    const std::uint64_t before = hash(input);
    int flipped = 0;
    for (std::size_t bit = 0; bit < 8 * input.size(); ++bit) {
      auto changed = input;
      changed[bit / 8] ^= static_cast<std::byte>(1 << (bit % 8));
      REQUIRE(hash(changed) != before);
      flipped += __builtin_popcountll(hash(changed) ^ before);
    }
    const double mean = flipped / (8.0 * input.size());
    CHECK(mean > 30);
    CHECK(mean < 34);
  }
}

}  // namespace
}  // namespace starling
