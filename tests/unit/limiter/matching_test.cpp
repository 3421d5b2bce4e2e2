#include "limiter/matching.hpp"

#include <doctest/doctest.h>

#include "limiter_world.hpp"

namespace starling {
namespace {

TEST_SUITE("limiter.matching") {
  TEST_CASE("every key must be there and fit; nothing asked for fits everything") {
    const auto asked = match({{"path", "/api/*"}, {"user", "*"}});
    const auto fit = [&](const Entries& entries) { return fits(std::span(asked), Descriptor{entries}); };
    CHECK(fit({{"user", ""}, {"path", "/api/v1"}}));
    CHECK(fit({{"x", "y"}, {"path", "/api/"}, {"user", "u"}}));
    CHECK_FALSE(fit({{"path", "/api/"}}));
    CHECK_FALSE(fit({{"path", "/app/"}, {"user", "u"}}));
    CHECK_FALSE(fit({}));
    CHECK(fits(std::span<const Matcher>{}, Descriptor{}));
  }

  TEST_CASE("of a key that is there twice the first counts") {
    const Entries twice{{"k", "1"}, {"k", "2"}};
    CHECK(find_entry(Descriptor{twice}, "k")->value == "1");
    CHECK(find_entry(Descriptor{twice}, "K") == nullptr);
    const auto one = match({{"k", "1"}}), two = match({{"k", "2"}});
    CHECK(fits(std::span(one), Descriptor{twice}));
    CHECK_FALSE(fits(std::span(two), Descriptor{twice}));
  }

  TEST_CASE("an exact rule takes no entry beyond those it asks for") {
    Rule asked = rule("r", match({{"path", "/x"}, {"user", "*"}}), {});
    const Entries both{{"user", "u"}, {"path", "/x"}};
    const Entries more{{"user", "u"}, {"path", "/x"}, {"app", "a"}};
    const Entries twice{{"user", "u"}, {"path", "/x"}, {"user", "u"}};
    const Entries instead{{"user", "u"}, {"user", "u"}};
    for (const Entries* entries : {&both, &more, &twice}) CHECK(fits(asked, Descriptor{*entries}));
    asked.exact = true;
    CHECK(fits(asked, Descriptor{both}));
    for (const Entries* entries : {&more, &twice, &instead}) CHECK_FALSE(fits(asked, Descriptor{*entries}));
  }
}

}  // namespace
}  // namespace starling
