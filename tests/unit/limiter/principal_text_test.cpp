#include "limiter/principal_text.hpp"

#include <doctest/doctest.h>

#include <string>

#include "limiter_world.hpp"

namespace starling {
namespace {

std::string written(const Rule* rule, const Entries& entries) {
  std::string out = "left over";
  write_principal(rule, Descriptor{entries}, out);
  return out;
}

}  // namespace

TEST_SUITE("limiter.principal_text") {
  TEST_CASE("it has the entries that tell callers apart, by key, and no others") {
    const Rule each = rule("r", {matcher("ip", "10.*"), matcher("path", "/login"), matcher("user", "*")}, {});
    CHECK(written(&each, {{"user", "alice"}, {"path", "/login"}, {"ip", "10.0.0.1"}, {"x", "y"}}) ==
          "ip=10.0.0.1,user=alice");
  }

  TEST_CASE("a rule with one counter for all has no principal") {
    const Rule all = rule("r", {matcher("path", "/login")}, {});
    CHECK(written(&all, {{"path", "/login"}}) == "");
  }

  TEST_CASE("a limit that the request brought is about all entries, in their order") {
    CHECK(written(nullptr, {{"user", "alice"}, {"ip", ""}}) == "user=alice,ip=");
  }

  TEST_CASE("a long text is cut between two characters, and says so") {
    const Rule each = rule("r", {matcher("u", "*")}, {});
    const std::string fits(principal_text_bytes_max - 2, 'a');
    CHECK(written(&each, {{"u", fits}}) == "u=" + fits);
    const std::string cut = written(&each, {{"u", fits + "a"}});
    CHECK(cut.size() == principal_text_bytes_max);
    CHECK(cut.ends_with("a..."));
    std::string umlauts;
    for (int i = 0; i < 100'000; ++i) umlauts += "\xC3\xBC";
    const std::string halves = written(&each, {{"u", umlauts}});
    CHECK(halves.size() <= principal_text_bytes_max);
    CHECK(halves.ends_with("\xC3\xBC..."));
  }
}

}  // namespace starling
