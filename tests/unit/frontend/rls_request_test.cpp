/// One object for all requests: what one leaves behind must not be in the next, whatever was wrong with it.
#include "frontend/rls_request.hpp"

#include <doctest/doctest.h>
#include <string>

#include "frontend/rls_unit.hpp"

using namespace starling;

namespace {

TEST_SUITE("frontend.rls_request") {
  TEST_CASE("nothing of a request is left after it was cleared") {
    RlsRequest request;
    request.set_domain("old");
    request.set_hits_addend(7);
    for (int i = 0; i < 70; ++i) {
      request.begin_descriptor();
      for (int j = 0; j < 40; ++j) request.add_entry("old", "old");
      request.hits() = 5;
      request.limit().unit = 99;
      request.set_gives_back(true);
    }
    CHECK(request.descriptors_count() == 64);
    CHECK(request.read().error() == "descriptors: expected at most 64, found more");
    request.clear();
    CHECK(request.read().error() == "domain: expected the name of a domain, found none");
    request.set_domain("new");
    CHECK(request.read().error() == "descriptors: expected at least one, found none");
    request.begin_descriptor();
    const auto asked = request.read();
    REQUIRE(asked);
    CHECK(asked->domain == "new");
    CHECK(asked->hits == 1);
    REQUIRE(asked->descriptors.size() == 1);
    CHECK(asked->descriptors[0].entries.empty());
    CHECK(!asked->descriptors[0].limit);
    CHECK(!asked->descriptors[0].hits);
  }

  TEST_CASE("entries stay with their descriptor however many there are") {
    RlsRequest request;
    request.set_domain("d");
    for (std::size_t i = 0; i < 64; ++i) {
      request.begin_descriptor();
      for (std::size_t j = 0; j < i % 33; ++j) request.add_entry(j == 0 ? "first" : "k", "v");
    }
    const auto asked = request.read();
    REQUIRE(asked);
    for (std::size_t i = 0; i < 64; ++i) {
      const auto entries = asked->descriptors[i].entries;
      REQUIRE(entries.size() == i % 33);
      if (!entries.empty()) CHECK(entries[0].key == "first");
    }
  }

  TEST_CASE("the first descriptor with too many entries is named") {
    RlsRequest request;
    request.set_domain("d");
    for (int i = 0; i < 4; ++i) {
      request.begin_descriptor();
      for (int j = 0; j < (i >= 2 ? 33 : 32); ++j) request.add_entry("k", "v");
    }
    CHECK(request.read().error() == "descriptors[2].entries: expected at most 32, found more");
  }

  TEST_CASE("units and windows are each other's, and other windows have none") {
    for (const RlsUnitRow& row : rls_units) {
      CHECK(rls_unit_of(row.window_s) == row.unit);
      CHECK(rls_window_s(static_cast<std::uint32_t>(row.unit)) == row.window_s);
      CHECK(name(row.unit) == row.name);
    }
    for (const std::uint32_t window_s : {0U, 2U, 59U, 61U, 28U * 86'400, 366U * 86'400})
      CHECK(rls_unit_of(window_s) == RlsUnit::unknown);
    for (const std::uint32_t unit : {0U, 8U, 0xFFFF'FFFFU}) CHECK(!rls_window_s(unit));
  }
}

}  // namespace
