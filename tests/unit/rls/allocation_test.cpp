/// A usual request of a gateway costs no memory: from the message's bytes to the answer's.
#include "asking.hpp"
#include "counting_new.hpp"

using namespace starling;
using namespace starling::testing;

namespace {

TEST_SUITE("rls.allocation") {
  TEST_CASE(
      "a known caller's request allocates nothing, allowed or denied, and the count can see allocations") {
    const std::size_t before_any = allocations_count;
    CHECK(std::vector<int>(100).size() == 100);
    CHECK(allocations_count > before_any);

    LimiterService service(rule_set({rule("user", match({{"user", "*"}}), {{50, 60}}),
                                     rule("path", match({{"path", "*"}}), {{1'000, 3'600}})}));
    grpc::RateLimitService method(service);
    Asked asked = one("user", "alice");
    asked.descriptors.push_back({.entries = {{"path", "/a"}, {"method", "GET"}}});
    const std::string message = as_protobuf(asked);
    std::string reply;
    const auto call = [&] {
      reply.clear();
      (void)method.call(message, reply);
      return reply[1] == 2;  // the overall code
    };
    for (int i = 0; i < 40; ++i) (void)call();
    // A denial has a header more: its buffers grow once.
    service.world.wall += std::chrono::minutes(1);
    for (int i = 0; i < 51; ++i) (void)call();
    service.world.wall += std::chrono::minutes(1);
    (void)call();

    const std::size_t before = allocations_count;
    int denied = 0;
    for (int i = 0; i < 100; ++i) denied += call() ? 1 : 0;
    CHECK(allocations_count == before);
    CHECK(denied == 51);
  }
}

}  // namespace
