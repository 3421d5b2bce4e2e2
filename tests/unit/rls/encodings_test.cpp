/// Whatever rules and requests a seed draws: both encodings of a request are answered alike, and the answer
/// holds together.
#include "../limiter/random_rules.hpp"
#include "asking.hpp"

using namespace starling;
using namespace starling::testing;

namespace {

Asked draw(Random& random) {
  const DrawnRequest drawn(random);
  Asked asked;
  asked.domain = drawn.domain.empty() ? "test" : std::string(drawn.domain);
  asked.hits = static_cast<std::uint32_t>(drawn.hits);
  for (const Descriptor& view : drawn.views) {
    AskedDescriptor& descriptor = asked.descriptors.emplace_back();
    for (const Entry& entry : view.entries) descriptor.entries.emplace_back(entry.key, entry.value);
    descriptor.hits = view.hits;
    if (view.limit)
      descriptor.limit = AskedLimit{.requests_per_unit = static_cast<std::uint32_t>(view.limit->requests),
                                    .unit = static_cast<std::uint32_t>(random.below(9))};
  }
  return asked;
}

/// True if the answer denies.
bool check_answer(const Asked& asked, const Told& told) {
  REQUIRE(told.statuses.size() == asked.descriptors.size());
  REQUIRE(told.overall != Verdict::unknown);
  bool over = false;
  for (const ToldStatus& status : told.statuses) {
    REQUIRE(status.code != Verdict::unknown);
    over = over || status.code == Verdict::over_limit;
    REQUIRE((status.has_limit || status.code == Verdict::ok));
    REQUIRE(status.has_limit == (status.reset_s > 0));
    REQUIRE((!status.has_limit || status.remaining <= status.requests_per_unit));
  }
  REQUIRE(over == (told.overall == Verdict::over_limit));
  bool retry = false;
  for (const auto& [name, value] : told.headers) retry = retry || name == "retry-after";
  REQUIRE(retry == over);
  return over;
}

TEST_SUITE("rls.encodings") {
  TEST_CASE("protobuf and JSON of a request are decided and told alike, whatever the rules") {
    std::size_t denied = 0;
    std::size_t allowed = 0;
    std::size_t refused = 0;
    for (std::uint64_t seed = 1; seed <= 300; ++seed) {
      CAPTURE(seed);
      Random random(seed);
      const RuleSet rules = draw_rule_set(random);
      Gateway gateway(rules, random.chance(0.5) ? HeaderFamilies() : header_families_default);
      gateway.set_live(draw_live(random));
      for (int i = 0; i < 20; ++i) {
        const Asked asked = draw(random);
        const Told told = gateway.ask(asked);
        if (!told.error.empty())
          ++refused;
        else
          ++(check_answer(asked, told) ? denied : allowed);
      }
    }
    CHECK(denied > 300);
    CHECK(allowed > 3'000);
    CHECK(refused > 30);
  }
}

}  // namespace
