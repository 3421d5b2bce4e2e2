#include "frontend/header_families.hpp"

#include <doctest/doctest.h>
#include <array>
#include <string>

namespace starling {
namespace {

using enum HeaderFamily;

std::string refusal(std::string_view text) {
  const auto families = HeaderFamilies::parse(text);
  REQUIRE_FALSE(families.has_value());
  CHECK(families.error().starts_with("expected "));
  return families.error();
}

bool mentions(const std::string& text, std::string_view word) {
  return text.find(word) != std::string::npos;
}

}  // namespace

TEST_SUITE("frontend.header_families") {
  TEST_CASE("every set without a clash is taken, in any order, with spaces around the commas") {
    CHECK(HeaderFamilies::parse("none") == HeaderFamilies());
    CHECK(HeaderFamilies::parse("ietf") == HeaderFamilies().with(ietf));
    CHECK(HeaderFamilies::parse(" kong , ietf") == HeaderFamilies().with(ietf).with(kong));
    CHECK(HeaderFamilies::parse("spinnaker,kong,ietf") ==
          HeaderFamilies().with(spinnaker).with(kong).with(ietf));
    CHECK(HeaderFamilies::parse("x-ratelimit,kong,ietf") ==
          HeaderFamilies().with(x_ratelimit).with(kong).with(ietf));
    CHECK(HeaderFamilies::parse(header_families_default_text) == header_families_default);
  }

  TEST_CASE("a family is there or not") {
    const HeaderFamilies families = HeaderFamilies().with(kong);
    CHECK(families.has(kong));
    CHECK(!families.has(ietf));
    CHECK(families.with(kong) == families);
  }

  TEST_CASE("two families that give one header two meanings are refused, and the header is named") {
    for (const char* text :
         {"x-ratelimit,spinnaker", "spinnaker,x-ratelimit", "ietf,spinnaker,kong,x-ratelimit"}) {
      CAPTURE(text);
      const std::string error = refusal(text);
      CHECK(mentions(error, "x-ratelimit"));
      CHECK(mentions(error, "spinnaker"));
      CHECK(mentions(error, "X-RateLimit-Reset"));
      CHECK(mentions(error, "leave one of the two out"));
    }
  }

  TEST_CASE("what is no family is refused with what was found") {
    for (const char* text :
         {"", ",", "ietf,", ",ietf", "IETF", "ietf;kong", "ietf kong", "none,ietf", "ietf,none", "draft"}) {
      CAPTURE(text);
      CHECK(
          mentions(refusal(text), "expected none, or a list of ietf, x-ratelimit, spinnaker, kong, found "));
    }
    CHECK(mentions(refusal("kong,ietf,kong"), "found kong twice"));
  }

  TEST_CASE("each family is read by its own name") {
    for (const HeaderFamily family : {ietf, x_ratelimit, spinnaker, kong})
      CHECK(HeaderFamilies::parse(name(family)) == HeaderFamilies().with(family));
  }
}

}  // namespace starling
