/// The key decides which counter a request is counted in, on every node: the known answers come from an
/// independent implementation in Python, so that the wire key never changes by accident.
#include "limiter/principal_hash.hpp"

#include <doctest/doctest.h>

#include <initializer_list>
#include <set>
#include <string>

#include "base/random.hpp"

namespace starling {
namespace {

const KeyedHash hash("starling");

std::uint64_t key(std::string_view domain, std::string_view rule,
                  std::initializer_list<std::string_view> values, std::uint32_t window_s = 10) {
  PrincipalHasher hasher(hash, domain, rule);
  for (const std::string_view value : values) hasher.add_value(value);
  return hasher.key(window_s).value;
}

TEST_SUITE("limiter.principal_hash") {
  TEST_CASE("keys are what they have always been") {
    CHECK(key("default", "per-principal", {"alice"}) == 0x1ffb094a305f9c4d);
    CHECK(key("default", "per-principal", {}, 1) == 0x8be558cd7c120f5e);
    CHECK(key("gateway", "login", {"/login", "10.0.0.1"}, 60) == 0x6584d1cd75155462);
  }

  TEST_CASE("values longer than one piece are hashed whole") {
    CHECK(key("default", "per-principal", {std::string(240, 'x')}) == 0xd8280a396ac130a3);
    CHECK(key("default", "per-principal", {std::string(241, 'x')}) == 0x17d1ea11c06997e1);
    CHECK(key("default", "per-principal", {std::string(1000, 'x')}) == 0x485b38e4cd057bc2);
    for (const std::size_t at : {0U, 239U, 240U, 479U, 480U, 999U}) {
      std::string changed(1000, 'x');
      changed[at] = 'y';
      CHECK(key("default", "per-principal", {changed}) != 0x485b38e4cd057bc2);
    }
  }

  TEST_CASE("where one part ends and the next begins makes a difference") {
    const std::string_view nul("\0", 1);
    const std::set<std::uint64_t> keys{
        key("d", "r", {"ab", "c"}), key("d", "r", {"a", "bc"}), key("d", "r", {"abc"}),
        key("d", "r", {"abc", ""}), key("d", "r", {"", "abc"}), key("d", "r", {"", "", "abc"}),
        key("dr", "", {"abc"}),     key("d", "ra", {"bc"}),     key("", "dr", {"abc"}),
        key("d", "r", {}),          key("d", "r", {""}),        key("d", "r", {nul}),
    };
    CHECK(keys.size() == 12);
    const std::string left(240, 'l');
    const std::string right(240, 'r');
    CHECK(key("d", "r", {left + right}) != key("d", "r", {left, right}));
  }

  TEST_CASE("domain, rule, every value, their order and the window length all count") {
    const std::set<std::uint64_t> keys{key("d", "r", {"a", "b"}),     key("e", "r", {"a", "b"}),
                                       key("d", "s", {"a", "b"}),     key("d", "r", {"x", "b"}),
                                       key("d", "r", {"a", "x"}),     key("d", "r", {"b", "a"}),
                                       key("d", "r", {"a"}),          key("d", "r", {"a", "b", "b"}),
                                       key("d", "r", {"a", "b"}, 11), key("d", "r", {"a", "b"}, 1)};
    CHECK(keys.size() == 10);
    CHECK(PrincipalHasher(KeyedHash("other"), "d", "r").key(10) != PrincipalHasher(hash, "d", "r").key(10));
  }

  TEST_CASE("one hasher gives the keys of several windows, as hashers of their own would") {
    PrincipalHasher hasher(hash, "d", "r");
    hasher.add_value("a");
    const CounterKey ten = hasher.key(10);
    const CounterKey sixty = hasher.key(60);
    CHECK(hasher.key(10) == ten);
    CHECK(ten.value == key("d", "r", {"a"}, 10));
    CHECK(sixty.value == key("d", "r", {"a"}, 60));
  }

  TEST_CASE("a hundred thousand principals share no key") {
    std::set<std::uint64_t> keys;
    for (int i = 0; i < 100'000; ++i) keys.insert(key("default", "per-principal", {std::to_string(i)}));
    CHECK(keys.size() == 100'000);
  }
}

}  // namespace
}  // namespace starling
