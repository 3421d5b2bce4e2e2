#include "grpc/health.hpp"

#include "support.hpp"

using namespace starling::grpc;
using namespace starling::grpc::testing;

namespace {

struct FakeNode final : starling::CheckService {
  starling::Decision decide(const starling::Request&) override { return {}; }
  starling::WallTime decided_at() const override { return {}; }
  std::string_view node_name() const override { return "fake"; }
  bool ready() const override { return is_ready; }
  bool is_ready = true;
};

const std::string serving = "\x08\x01";
const std::string not_serving = "\x08\x02";
const std::string service_unknown = "\x08\x03";
constexpr std::string_view check_path = "/grpc.health.v1.Health/Check";
constexpr std::string_view watch_path = "/grpc.health.v1.Health/Watch";

std::string request_for(const std::string& service) {
  return service.empty() ? "" : "\x0a" + std::string(1, static_cast<char>(service.size())) + service;
}

struct HealthFixture {
  explicit HealthFixture(const HealthOptions& options = {}) : health(fixture.loop, node, options) {
    server = std::make_unique<Server>(fixture.loop);
    server->add(health.check());
    server->add(health.watch());
    REQUIRE(server->listen({.address = starling::Address::v4(127, 0, 0, 1), .port = 0}).has_value());
    client = std::make_unique<Client>(server->local_endpoint());
  }
  Reply check(const std::string& service) { return fixture.ask(*client, check_path, request_for(service)); }
  bool wait_body(std::int32_t id, const std::string& body) {
    return fixture.wait(*client, [&] { return client->replies[id].body == body; });
  }

  FakeNode node;
  Fixture fixture;
  Health health;
  std::unique_ptr<Server> server;
  std::unique_ptr<Client> client;
};

}  // namespace

TEST_SUITE("grpc.health") {
  TEST_CASE("Check tells whether the node is ready, for every service there is") {
    HealthFixture fixture;
    for (const char* service : {"", "ratelimit", "envoy.service.ratelimit.v3.RateLimitService"}) {
      fixture.node.is_ready = true;
      CHECK(fixture.check(service).body == message_of(serving));
      fixture.node.is_ready = false;
      CHECK(fixture.check(service).body == message_of(not_serving));
    }
    fixture.node.is_ready = true;
    fixture.health.leave();
    CHECK(fixture.check("").body == message_of(not_serving));
  }

  TEST_CASE("Check of another service is NOT_FOUND, and of no request at all INTERNAL") {
    HealthFixture fixture;
    const Reply reply = fixture.check("other\n");
    CHECK(reply.status() == "5");
    CHECK(reply.message() == R"(there is no service "other?" here; expected none or ratelimit)");
    CHECK(fixture.fixture.ask(*fixture.client, check_path, "\xff").status() == "13");
    CHECK(fixture.fixture.ask(*fixture.client, check_path, "\x0a\x05x").status() == "13");
    CHECK(fixture.fixture.ask(*fixture.client, watch_path, "\xff").status() == "13");
    // Unknown fields are for later versions.
    CHECK(fixture.fixture.ask(*fixture.client, check_path, "\x10\x01").status() == "0");
  }

  TEST_CASE("Watch tells at once, then each change, and nothing in between") {
    HealthFixture fixture({.poll_interval = std::chrono::milliseconds(1)});
    const auto id = fixture.client->ask(watch_path, request_for("ratelimit"));
    CHECK(fixture.wait_body(id, message_of(serving)));
    fixture.node.is_ready = false;
    CHECK(fixture.wait_body(id, message_of(serving) + message_of(not_serving)));
    fixture.node.is_ready = true;
    CHECK(fixture.wait_body(id, message_of(serving) + message_of(not_serving) + message_of(serving)));
    CHECK(!fixture.client->replies[id].closed);
  }

  TEST_CASE("Watch of another service is SERVICE_UNKNOWN and stays open") {
    HealthFixture fixture({.poll_interval = std::chrono::milliseconds(1)});
    const auto unknown = fixture.client->ask(watch_path, request_for("other"));
    const auto known = fixture.client->ask(watch_path, "");
    CHECK(fixture.wait_body(unknown, message_of(service_unknown)));
    fixture.node.is_ready = false;
    CHECK(fixture.wait_body(known, message_of(serving) + message_of(not_serving)));
    CHECK(fixture.client->replies[unknown].body == message_of(service_unknown));
    CHECK(!fixture.client->replies[unknown].closed);
  }

  TEST_CASE("watchers are told that the node leaves, and sent away") {
    HealthFixture fixture;
    const auto id = fixture.client->ask(watch_path, "");
    CHECK(fixture.wait_body(id, message_of(serving)));
    fixture.health.leave();
    fixture.server->drain();
    fixture.client->ack_ping();
    const Reply reply = fixture.fixture.reply_to(*fixture.client, id);
    CHECK(reply.body == message_of(serving) + message_of(not_serving));
    CHECK(reply.status() == "14");
    fixture.client->socket.hang_up();
    CHECK(pump(fixture.fixture.loop, [&] { return fixture.server->drained(); }));
    CHECK(fixture.health.watchers_count() == 0);
  }

  TEST_CASE("no more than so many watch") {
    HealthFixture fixture({.watchers_max = 3, .watchers_per_connection_max = 4});
    for (int i = 0; i < 3; ++i) fixture.client->ask(watch_path, "");
    CHECK(fixture.fixture.wait(*fixture.client, [&] { return fixture.health.watchers_count() == 3; }));
    const auto more = fixture.client->ask(watch_path, "");
    CHECK(fixture.fixture.reply_to(*fixture.client, more).status() == "8");
    fixture.client->reset(1);
    CHECK(fixture.fixture.wait(*fixture.client, [&] { return fixture.health.watchers_count() == 2; }));
    const auto again = fixture.client->ask(watch_path, "");
    CHECK(fixture.wait_body(again, message_of(serving)));
  }

  TEST_CASE("one connection does not take all places") {
    HealthFixture fixture({.watchers_max = 10, .watchers_per_connection_max = 2});
    std::vector<std::int32_t> ids;
    for (int i = 0; i < 5; ++i) ids.push_back(fixture.client->ask(watch_path, ""));
    CHECK(fixture.fixture.reply_to(*fixture.client, ids.back()).status() == "8");
    CHECK(fixture.health.watchers_count() == 2);
    Client other(fixture.server->local_endpoint());
    const auto id = other.ask(watch_path, "");
    CHECK(fixture.fixture.wait(other, [&] { return other.replies[id].body == message_of(serving); }));
    fixture.client->reset(ids.front());
    CHECK(fixture.fixture.wait(*fixture.client, [&] { return fixture.health.watchers_count() == 2; }));
    CHECK(fixture.wait_body(fixture.client->ask(watch_path, ""), message_of(serving)));
  }

  TEST_CASE("a watcher that could not be told for want of memory is not kept, or is told later") {
    struct PoorSink final : MessageSink {
      void send(std::string_view message) override {
        if (is_poor) throw std::bad_alloc();
        sent.emplace_back(message);
      }
      const void* connection() const override { return this; }
      bool is_poor = true;
      std::vector<std::string> sent;
    };
    HealthFixture fixture({.poll_interval = std::chrono::milliseconds(1)});
    {
      PoorSink gone;
      CHECK_THROWS_AS(fixture.health.watch().open("", gone), std::bad_alloc);
    }
    CHECK(fixture.health.watchers_count() == 0);
    PoorSink sink;
    sink.is_poor = false;
    CHECK(fixture.health.watch().open("", sink).code == Code::ok);
    sink.is_poor = true;
    fixture.node.is_ready = false;
    fixture.health.leave();  // nobody hears it
    CHECK(sink.sent == std::vector{serving});
    sink.is_poor = false;
    CHECK(pump(fixture.fixture.loop, [&] { return sink.sent.size() == 2; }));
    CHECK(sink.sent.back() == not_serving);
    fixture.health.watch().on_closed(sink);
  }
}
