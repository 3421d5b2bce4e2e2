#include "limiter/caller_lists.hpp"

#include <doctest/doctest.h>

#include "limiter_world.hpp"

namespace starling {
namespace {

TEST_SUITE("limiter.caller_lists") {
  const std::vector<Matcher> rule_match = match({{"ip", "10.*"}, {"path", "/x"}, {"user", "*"}});
  const Entries alice{{"ip", "10.1"}, {"path", "/x"}, {"user", "alice"}, {"app", "orca"}};

  TEST_CASE("a bare value is that of any key by which the rule tells callers apart, and of no other") {
    for (const auto& [case_value, meant] :
         {std::pair{"alice", true}, {"10.1", true}, {"/x", false}, {"orca", false}, {"alic", false}}) {
      const auto& value = case_value;
      CAPTURE(value);
      CallerLists lists;
      lists.add(value, {}, {.enforcing = true});
      CHECK(lists.find(rule_match, Descriptor{alice}).enforcing == meant);
      CHECK_FALSE(lists.find(rule_match, Descriptor{alice}).ignoring);
      CHECK(lists.find(Descriptor{alice}).enforcing == (std::string_view(value) != "alic"));
    }
  }

  TEST_CASE("entries may be any of the descriptor's, and patterns") {
    const auto app = match({{"app", "orca"}}), both = match({{"app", "o*"}, {"user", "alice"}}),
               other = match({{"app", "deck"}});
    CallerLists lists;
    lists.add("", other, {.enforcing = true});
    CHECK_FALSE(lists.find(rule_match, Descriptor{alice}).anywhere());
    lists.add("", app, {.enforcing = true});
    CHECK_FALSE(lists.find(rule_match, Descriptor{alice}).ignoring);
    lists.add("", both, {.ignoring = true});
    CHECK(lists.find(rule_match, Descriptor{alice}).enforcing);
    CHECK(lists.find(rule_match, Descriptor{alice}).ignoring);
  }

  TEST_CASE("a caller may be in both lists by the same value; an entry that names nobody means nobody") {
    CallerLists lists;
    lists.add("", {}, {.ignoring = true});
    CHECK(lists.empty());
    lists.add("alice", {}, {.ignoring = true});
    lists.add("alice", {}, {.enforcing = true});
    CHECK(lists.find(rule_match, Descriptor{alice}).enforcing);
    CHECK(lists.find(rule_match, Descriptor{alice}).ignoring);
    lists.clear();
    CHECK(lists.empty());
    CHECK_FALSE(lists.find(rule_match, Descriptor{alice}).anywhere());
  }
}

}  // namespace
}  // namespace starling
