/// The resolver against a DNS server that cuts, forges and breaks its answers.
#include <doctest/doctest.h>

#include "base/random.hpp"
#include "dns_servers.hpp"

namespace starling {
namespace {

TEST_SUITE("node.resolver hostile") {
  TEST_CASE("a truncated answer with no TCP behind it is an error, or can be given up in mid-connection") {
    World world;
    std::size_t truncated_count = 0;
    Responder responder(world.loop, [&](const Bytes& query) {
      ++truncated_count;
      Bytes reply = reply_to(query, 0, 0, {});
      reply[2] |= 2;
      return std::vector<Bytes>{reply};
    });
    SUBCASE("nobody listens") {
      world.start("peers.test.", responder.endpoint(), hurried());
      const Resolution& result = world.first_result();
      CHECK_FALSE(result.complete);
      CHECK(result.errors.size() == 1);
    }
    SUBCASE("somebody listens and never answers") {
      const Endpoint endpoint = responder.endpoint();
      const int listener = socket(AF_INET, SOCK_STREAM, 0);
      const sockaddr_in address = socket_address(endpoint.address.to_string(), endpoint.port);
      REQUIRE(bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
      REQUIRE(listen(listener, 16) == 0);
      world.start("peers.test.", endpoint);
      REQUIRE(world.run_until([&] { return truncated_count == 2; }));
      world.run_until([] { return false; }, 30ms);
      world.resolver.reset();
      CHECK(world.recorder.results.empty());
      close(listener);
    }
  }

  TEST_CASE("addresses that are not one machine's are left out") {
    World world;
    Responder responder(world.loop, [](const Bytes& query) {
      if (asks_for_v6(query)) return std::vector<Bytes>{good_reply(query)};
      Bytes records;
      for (const Bytes& record : {a_record(0, 0, 0, 0), a_record(224, 0, 0, 1), a_record(255, 255, 255, 255),
                                  a_record(10, 0, 0, 7), a_record(10, 0, 0, 7)})
        records.insert(records.end(), record.begin(), record.end());
      return std::vector<Bytes>{reply_to(query, 0, 5, records)};
    });
    world.start("peers.test.", responder.endpoint(), once());
    const Resolution& result = world.first_result();
    CHECK(World::texts(result) == std::vector<std::string>{"10.0.0.7:4291"});
    CHECK(result.errors.size() == 3);
  }

  TEST_CASE("malformed and forged answers end in an error, not in addresses") {
    const auto random_bytes = [](std::size_t count) {
      Random random(7);
      Bytes bytes(count);
      for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random.next());
      return bytes;
    };
    const Bytes address = a_record(6, 6, 6, 6);
    const std::vector<std::pair<const char*, std::function<Bytes(const Bytes&)>>> attacks{
        {"no bytes at all", [](const Bytes&) { return Bytes{}; }},
        {"random bytes", [&](const Bytes&) { return random_bytes(64); }},
        {"our id, then random bytes",
         [&](const Bytes& query) {
           Bytes reply = random_bytes(64);
           std::copy_n(query.begin(), 2, reply.begin());
           return reply;
         }},
        {"a big datagram", [&](const Bytes& query) { return reply_to(query, 0, 1, random_bytes(9000)); }},
        {"a wrong id",
         [&](const Bytes& query) {
           Bytes reply = reply_to(query, 0, 1, address);
           reply[0] ^= 0x55;
           return reply;
         }},
        {"a wrong name",
         [&](const Bytes& query) {
           Bytes reply = reply_to(query, 0, 1, address);
           reply[13] ^= 1;
           return reply;
         }},
        {"half a header", [](const Bytes& query) { return Bytes(query.begin(), query.begin() + 6); }},
        {"a header alone",
         [](const Bytes& query) {
           Bytes reply = reply_to(query, 0, 1, {});
           reply.resize(12);
           return reply;
         }},
        {"65535 answers, none there", [](const Bytes& query) { return reply_to(query, 0, 65535, {}); }},
        {"a name that points to itself",
         [](const Bytes& query) {
           const auto here = static_cast<std::uint8_t>(question_end(query));
           return reply_to(query, 0, 1, {0xc0, here, 0, 1, 0, 1, 0, 0, 0, 5, 0, 4, 6, 6, 6, 6});
         }},
        {"data longer than the datagram",
         [](const Bytes& query) {
           return reply_to(query, 0, 1, {0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 5, 0xff, 0xff, 6});
         }},
        {"an address of three bytes",
         [](const Bytes& query) {
           return reply_to(query, 0, 1, {0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 5, 0, 3, 6, 6, 6});
         }},
        {"a CNAME loop",
         [](const Bytes& query) {
           return reply_to(query, 0, 1, {0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 5, 0, 2, 0xc0, 12});
         }},
    };
    for (const auto& [case_name, attack] : attacks) {
      const auto& name = case_name;
      CAPTURE(name);
      World world;
      Responder hostile(world.loop, [&attack = attack](const Bytes& query) {
        return std::vector<Bytes>{attack(query), attack(query)};
      });
      world.start("peers.test.", hostile.endpoint(), hurried());
      const Resolution& result = world.first_result();
      CHECK(result.endpoints.empty());
      CHECK(result.errors.size() == 1);
    }
  }

  TEST_CASE("a forged answer before the true one changes nothing") {
    World world;
    Responder responder(world.loop, [](const Bytes& query) {
      Bytes forged = reply_to(query, 0, 1, a_record(6, 6, 6, 6));
      forged[1] ^= 1;
      return std::vector<Bytes>{Bytes{}, forged, good_reply(query)};
    });
    world.start("peers.test.", responder.endpoint(), once());
    CHECK(World::texts(world.first_result()) == std::vector<std::string>{"10.0.0.7:4291"});
    CHECK(world.first_result().complete);
  }

  TEST_CASE("a thousand answers with random flaws: every round is reported, within its bounds") {
    World world;
    Random random(20240611);
    Responder hostile(world.loop, [&](const Bytes& query) {
      Bytes reply = good_reply(query);
      for (std::uint64_t i = random.below(6); i > 0; --i)
        reply[2 + random.below(reply.size() - 2)] = static_cast<std::uint8_t>(random.next());
      if (random.chance(0.2)) reply.resize(random.below(reply.size() + 1));
      return std::vector<Bytes>{std::move(reply)};
    });
    std::string neighborhood = "n0.test.";
    for (int i = 1; i < 50; ++i) neighborhood += fmt::format(",n{}.test.", i);
    world.start(neighborhood, hostile.endpoint(), hurried());
    REQUIRE(world.run_until([&] { return world.recorder.results.size() >= 10; }));
    CHECK(hostile.queries_count() >= 1000);
    for (const Resolution& result : world.recorder.results) {
      CHECK(result.endpoints.size() <= endpoints_max);
      CHECK(result.errors.size() <= 2 * neighbors_max);
    }
  }
}

}  // namespace
}  // namespace starling
