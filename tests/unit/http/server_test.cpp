#include "http/server.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "accept_queue.hpp"
#include "base/random.hpp"
#include "support.hpp"

using namespace starling;
using namespace starling::http;
using namespace starling::http::testing;
using starling::testing::newcomer_waits;
using namespace std::chrono_literals;

namespace {

constexpr Address loopback_v6() {
  Address address;
  address.bytes[15] = 1;
  return address;
}

/// Notes in which turn of the loop, by its clock, each request was handled.
struct TurnHandler final : Handler {
  explicit TurnHandler(Loop& the_loop) : loop(the_loop) {}
  void on_request(const RequestView&, Response& response) override {
    turns.push_back(uv_now(loop.get()));
    response.set_text("ok");
  }
  Loop& loop;
  std::vector<std::uint64_t> turns;
};

}  // namespace

TEST_SUITE("http.server") {
  TEST_CASE("port 0 picks a port and says which") {
    Fixture fixture;
    CHECK(fixture.server->local_endpoint().port != 0);
    CHECK(fixture.server->local_endpoint().address == Address::v4(127, 0, 0, 1));
  }

  TEST_CASE("an address in use is an error, and the server can be asked again") {
    Fixture fixture;
    EchoHandler handler;
    Server second(fixture.loop, handler);
    const auto taken = second.listen(fixture.server->local_endpoint());
    REQUIRE(!taken.has_value());
    CHECK(taken.error() == UV_EADDRINUSE);
    CHECK(second.listen({.address = Address::v4(127, 0, 0, 1)}).has_value());
    CHECK(!second.listen({.address = Address::v4(192, 0, 2, 1)}).has_value());
  }

  TEST_CASE("the unspecified IPv6 address takes IPv4 as well") {
    Loop loop;
    EchoHandler handler;
    Server server(loop, handler);
    const auto local = server.listen({});  // ::
    if (!local.has_value()) {
      MESSAGE("no IPv6 here: ", uv_strerror(local.error()));
      return;
    }
    for (const Address& address : {Address::v4(127, 0, 0, 1), loopback_v6()}) {
      RawClient client({.address = address, .port = local->port});
      REQUIRE(client.connected());
      client.send_some(get("/x"));
      CHECK(pump(loop, [&] {
        client.receive_some();
        return answers(client.received()).size() == 1;
      }));
    }
  }

  TEST_CASE("a newcomer beyond the bound takes the place of whoever has been idle longest") {
    Fixture fixture({.connections_max = 2});
    const auto first = fixture.connect();
    const auto second = fixture.connect();
    CHECK(fixture.ask(*first, get("/1")).size() == 1);
    CHECK(fixture.ask(*second, get("/2")).size() == 1);
    CHECK(fixture.ask(*first, get("/1")).size() == 1);
    const auto third = fixture.connect();
    CHECK(fixture.ask(*third, get("/3")).size() == 1);
    CHECK(fixture.wait(*second, [&] { return second->ended(); }));
    CHECK(fixture.server->counters().connections_refused == 1);
    CHECK(fixture.open() == 2);
    CHECK(fixture.ask(*first, get("/1")).size() == 1);
  }

  TEST_CASE("those who never asked go first, and keep nobody out") {
    Fixture fixture({.connections_max = 4});
    const auto early = fixture.connect();
    CHECK(fixture.ask(*early, get("/1")).size() == 1);
    std::vector<std::unique_ptr<RawClient>> silent;
    for (int i = 0; i < 20; ++i) silent.push_back(fixture.connect());
    CHECK(pump(fixture.loop, [&] { return fixture.server->counters().connections_accepted == 21; }));
    CHECK(fixture.open() == 4);
    CHECK(fixture.ask(*early, get("/1")).size() == 1);
    CHECK(fixture.server->counters().connections_refused == 17);
  }

  TEST_CASE("whoever has asked already is not closed for a newcomer") {
    Fixture fixture({.connections_max = 2});
    const auto first = fixture.connect();
    const auto second = fixture.connect();
    CHECK(pump(fixture.loop, [&] { return fixture.open() == 2; }));
    const auto third = fixture.connect();  // seen before what the others say next
    CHECK(newcomer_waits(fixture.loop.get()));
    first->send_some(get("/1"));
    second->send_some(get("/2"));
    CHECK(first->delivered());
    CHECK(second->delivered());
    for (RawClient* client : {first.get(), second.get()})
      CHECK(fixture.wait(*client, [&] { return answers(client->received()).size() == 1; }));
    CHECK(fixture.wait(*third, [&] { return third->ended() || third->reset(); }));
    CHECK(fixture.server->counters().connections_refused == 1);
  }

  TEST_CASE("requests that are half said keep no newcomer out") {
    for (const std::string_view half :
         {"GET / HT", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf"}) {
      Fixture fixture({.connections_max = 3});
      fixture.echo.body_max = 100;
      std::vector<std::unique_ptr<RawClient>> halves;
      for (int i = 0; i < 3; ++i) {
        halves.push_back(fixture.connect());
        fixture.send(*halves.back(), half);
      }
      CHECK(pump(fixture.loop, [&] { return fixture.open() == 3; }));
      uv_run(fixture.loop.get(), UV_RUN_NOWAIT);  // and read
      for (int i = 0; i < 10; ++i) {
        const auto probe = fixture.connect();
        CHECK(pump(fixture.loop, [&] {
          probe->receive_some();
          return fixture.server->counters().connections_accepted == static_cast<std::uint64_t>(4 + i);
        }));
        CHECK(fixture.ask(*probe, get("/livez")).size() == 1);
      }
      CHECK(fixture.open() <= 3);
    }
  }

  TEST_CASE("first requests that are half said push out nobody who has asked before") {
    Fixture fixture({.connections_max = 3});
    const auto gateway = fixture.connect();
    CHECK(fixture.ask(*gateway, get("/1")).size() == 1);
    std::vector<std::unique_ptr<RawClient>> halves;
    for (std::uint64_t i = 0; i < 20; ++i) {
      halves.push_back(fixture.connect());
      fixture.send(*halves.back(), "GET / HT");
      CHECK(pump(fixture.loop, [&] { return fixture.server->counters().connections_accepted == 2 + i; }));
      uv_run(fixture.loop.get(), UV_RUN_NOWAIT);  // and read
    }
    CHECK(fixture.server->counters().connections_refused == 18);
    CHECK(!gateway->ended());
    gateway->forget();
    CHECK(fixture.ask(*gateway, get("/2")).size() == 1);
  }

  TEST_CASE("nor do newcomers that are more than can be read at a time") {
    Fixture fixture({.connections_max = 4});
    const auto gateway = fixture.connect();
    CHECK(fixture.ask(*gateway, get("/1")).size() == 1);
    std::vector<std::unique_ptr<RawClient>> newcomers;
    for (int i = 0; i < 3; ++i) newcomers.push_back(fixture.connect());
    CHECK(pump(fixture.loop, [&] { return fixture.open() == 4; }));
    const auto last = fixture.connect();  // seen before what the others say next
    CHECK(newcomer_waits(fixture.loop.get()));
    for (const auto& newcomer : newcomers) {
      newcomer->send_some("GET / HT");
      CHECK(newcomer->delivered());
    }
    CHECK(fixture.wait(*last, [&] { return last->ended() || last->reset(); }));
    CHECK(fixture.server->counters().connections_refused == 1);
    gateway->forget();
    CHECK(fixture.ask(*gateway, get("/2")).size() == 1);
  }

  TEST_CASE("answers that nobody takes keep a newcomer out for a while only") {
    for (const auto& [a_while, is_over] : {std::pair{std::chrono::milliseconds(1h), false}, {10ms, true}}) {
      Fixture fixture({.connections_max = 1, .unread_evictable_after = a_while});
      RawClient deaf(fixture.server->local_endpoint(), 4096);
      fixture.send(deaf, get("/big?20000000"));
      CHECK(pump(fixture.loop, [&] { return fixture.server->counters().requests == 1; }));
      std::uint64_t tries = 0;
      const auto try_again = [&] {
        RawClient probe(fixture.server->local_endpoint());
        ++tries;
        return pump(fixture.loop, [&] {
          const auto& seen = fixture.server->counters();
          return seen.connections_refused == tries || seen.connections_accepted == 2;
        });
      };
      CHECK(try_again());
      if (is_over)
        CHECK(pump(fixture.loop,
                   [&] { return try_again() && fixture.server->counters().connections_accepted == 2; }));
      CHECK(fixture.server->counters().connections_accepted == (is_over ? 2 : 1));
    }
  }

  TEST_CASE("what all clients leave unread is bounded: large answers are refused, small ones are not") {
    constexpr std::size_t big = 4'000'000;
    Fixture fixture({.unsent_bytes_max = 10'000'000});
    const std::string ask_big = get("/big?" + std::to_string(big));
    std::vector<std::unique_ptr<RawClient>> deaf;
    for (std::uint64_t count = 1; count <= 10; ++count) {
      deaf.push_back(std::make_unique<RawClient>(fixture.server->local_endpoint(), 4096));
      fixture.send(*deaf.back(), ask_big);
      CHECK(pump(fixture.loop, [&] { return fixture.server->counters().requests == count; }));
    }
    CHECK(fixture.errors(ErrorReason::unsent_exhausted) == 8);
    const auto client = fixture.connect();
    const auto refused = fixture.ask(*client, ask_big);
    REQUIRE(refused.size() == 1);
    CHECK(refused[0].status == 503);
    CHECK(refused[0].has("Retry-After: 1"));
    const auto small = fixture.ask(*client, get("/livez") + get("/readyz"), 2);
    REQUIRE(small.size() == 2);
    CHECK(small[1].status == 200);
    CHECK(fixture.ask(*client, "HEAD /big?4000000 HTTP/1.1\r\nHost: x\r\n\r\n", 1, false)[0].status == 200);

    RawClient& reader = *deaf.front();
    CHECK(fixture.wait(reader, [&] { return answers(reader.received()).size() == 1; }));
    CHECK(fixture.ask(*client, ask_big)[0].status == 200);
    deaf.clear();  // hung up with all unread
    CHECK(pump(fixture.loop, [&] { return fixture.open() == 1; }));
    for (int i = 0; i < 5; ++i) CHECK(fixture.ask(*client, ask_big)[0].status == 200);
  }

  TEST_CASE("beyond that bound a client that leaves small answers unread is not served either") {
    Fixture fixture({.output_bytes_max = 10'000'000, .unsent_bytes_max = 4'000'000});
    RawClient deaf(fixture.server->local_endpoint(), 4096);
    fixture.send(deaf, get("/big?3999000"));
    CHECK(pump(fixture.loop, [&] { return fixture.server->counters().requests == 1; }));
    std::string input;
    for (int i = 0; i < 2'000; ++i) input += get("/big?8000");  // 16 MB
    RawClient flooder(fixture.server->local_endpoint(), 4096);
    std::string_view rest = input;
    std::uint64_t served = 0;
    for (int quiet = 0; quiet < 200; ++quiet) {
      rest.remove_prefix(flooder.send_some(rest));
      uv_run(fixture.loop.get(), UV_RUN_NOWAIT);
      if (fixture.server->counters().requests != served) quiet = 0;
      served = fixture.server->counters().requests;
    }
    CHECK(served < 1'000);
    const auto client = fixture.connect();
    CHECK(fixture.ask(*client, get("/livez") + get("/livez"), 2).size() == 2);
    CHECK(fixture.wait(flooder, [&] {  // and goes on when the client reads
      rest.remove_prefix(flooder.send_some(rest));
      return fixture.server->counters().requests > served + 100;
    }));
  }

  TEST_CASE("when a turn of the loop has taken long enough, other requests wait for the next one") {
    Loop loop;
    TurnHandler handler(loop);
    Server server(loop, handler, {.turn_time_max = 1ns});  // any request takes that long
    const auto local = server.listen({.address = Address::v4(127, 0, 0, 1)});
    REQUIRE(local.has_value());
    std::vector<std::unique_ptr<RawClient>> clients;
    for (int i = 0; i < 4; ++i) {
      clients.push_back(std::make_unique<RawClient>(*local));
      clients.back()->send_some(get("/1") + get("/2") + get("/3"));
    }
    CHECK(pump(loop, [&] {
      for (const auto& client : clients) client->receive_some();
      return std::all_of(clients.begin(), clients.end(),
                         [](const auto& client) { return answers(client->received()).size() == 3; });
    }));
    REQUIRE(handler.turns.size() == 12);
    CHECK(std::adjacent_find(handler.turns.begin(), handler.turns.end()) == handler.turns.end());
  }

  TEST_CASE("a request whose headers trickle in is told so and closed") {
    Fixture fixture({.header_timeout = 60ms, .linger_timeout = 30ms});
    const auto client = fixture.connect();
    CHECK(fixture.ask(*client, get("/first")).size() == 1);
    client->forget();
    fixture.send(*client, "GET / HTTP/1.1\r\n");
    CHECK(fixture.wait(*client, [&] {
      client->send_some("A: b\r\n");  // every further byte buys no time
      return client->ended() || client->reset();
    }));
    REQUIRE(answers(client->received()).size() == 1);
    CHECK(answers(client->received())[0].status == 408);
    CHECK(fixture.errors(ErrorReason::head_timeout) == 1);
    CHECK(pump(fixture.loop, [&] { return fixture.open() == 0; }));
  }

  TEST_CASE("blank lines buy no time either") {
    Fixture fixture({.idle_timeout = 60ms});
    const auto client = fixture.connect();
    CHECK(fixture.wait(*client, [&] {
      client->send_some("\r\n");
      return client->ended() || client->reset();
    }));
    CHECK(fixture.open() == 0);
  }

  TEST_CASE("an idle connection is closed in silence, a busy one is not") {
    Fixture fixture({.idle_timeout = 300ms});
    const auto idle = fixture.connect();
    const auto busy = fixture.connect();
    CHECK(fixture.ask(*idle, get("/x")).size() == 1);
    idle->forget();
    CHECK(fixture.wait(*idle, [&] {
      fixture.ask(*busy, get("/y"));
      return idle->ended();
    }));
    CHECK(idle->received().empty());
    CHECK(!busy->ended());
    CHECK(fixture.open() == 1);
  }

  TEST_CASE("a client that does not close after the last answer is closed") {
    Fixture fixture({.linger_timeout = 30ms});
    const auto client = fixture.connect();
    REQUIRE(fixture.ask(*client, get("/close")).size() == 1);
    CHECK(pump(fixture.loop, [&] { return fixture.open() == 0; }));
  }

  TEST_CASE("a client that does not read stops being served, and gets all its answers once it reads") {
    Fixture fixture({.output_bytes_max = 100'000});
    RawClient client(fixture.server->local_endpoint(), 4096);
    std::string input;
    for (int i = 0; i < 400; ++i) input += get("/big?100000");
    std::string_view rest = input;
    std::uint64_t served = 0;
    // Until the server has stopped: no new request was served in many turns of the loop.
    for (int quiet = 0; quiet < 200; ++quiet) {
      rest.remove_prefix(client.send_some(rest));
      uv_run(fixture.loop.get(), UV_RUN_NOWAIT);
      if (fixture.server->counters().requests != served) quiet = 0;
      served = fixture.server->counters().requests;
    }
    CHECK(served < 400);
    CHECK(fixture.wait(client, [&] {
      rest.remove_prefix(client.send_some(rest));
      return client.received().size() >= 400 * 100'000 && answers(client.received()).size() == 400;
    }));
  }

  TEST_CASE("a client that never reads is given up") {
    Fixture fixture({.output_bytes_max = 1000, .idle_timeout = 100ms});
    RawClient client(fixture.server->local_endpoint(), 4096);
    client.send_some(get("/big?20000000"));
    CHECK(pump(fixture.loop, [&] { return fixture.errors(ErrorReason::output_stalled) == 1; }));
    CHECK(fixture.open() == 0);
  }

  TEST_CASE("drain closes connections that stay idle, answers what was asked, and lets the loop end") {
    Fixture fixture({.drain_idle_timeout = 50ms, .linger_timeout = 50ms});
    const auto idle = fixture.connect();
    const auto asking = fixture.connect();
    const auto halfway = fixture.connect();
    CHECK(fixture.ask(*idle, get("/i")).size() == 1);
    CHECK(fixture.ask(*asking, get("/a")).size() == 1);
    fixture.send(*halfway, "GET /half HTTP/1.1\r\n");
    CHECK(pump(fixture.loop, [&] { return fixture.open() == 3; }));
    for (int turn = 0; turn < 3; ++turn) uv_run(fixture.loop.get(), UV_RUN_NOWAIT);
    asking->forget();
    asking->send_some(get("/last"));  // in the kernel, not yet read, when the drain begins

    fixture.server->drain();
    CHECK(!fixture.server->drained());
    CHECK(fixture.wait(*idle, [&] { return idle->ended(); }));
    CHECK(!RawClient(fixture.server->local_endpoint()).connected());
    CHECK(fixture.wait(*asking, [&] { return asking->ended(); }));
    REQUIRE(answers(asking->received()).size() == 1);
    CHECK(answers(asking->received())[0].has("Connection: close"));
    const auto last = fixture.ask(*halfway, "Host: x\r\n\r\n");
    REQUIRE(last.size() == 1);
    CHECK(last[0].has("Connection: close"));
    CHECK(pump(fixture.loop, [&] { return fixture.server->drained(); }));
    fixture.loop.run();  // returns: nothing is left to wait for
  }

  TEST_CASE("a handler may start the drain") {
    Fixture fixture({.drain_idle_timeout = 50ms});
    fixture.echo.on_drain = [&] { fixture.server->drain(); };
    const auto idle = fixture.connect();
    CHECK(fixture.ask(*idle, get("/i")).size() == 1);
    const auto all = fixture.ask_once(get("/drain") + get("/never"));
    REQUIRE(all.size() == 1);
    CHECK(all[0].has("Connection: close"));
    CHECK(fixture.wait(*idle, [&] { return idle->ended(); }));
    CHECK(pump(fixture.loop, [&] { return fixture.server->drained(); }));
  }

  TEST_CASE("a server can go away in the middle of everything") {
    Fixture fixture({.output_bytes_max = 1000});
    const auto idle = fixture.connect();
    const auto half = fixture.connect();
    RawClient deaf(fixture.server->local_endpoint(), 4096);
    CHECK(fixture.ask(*idle, get("/i")).size() == 1);
    fixture.send(*half, "GET / HT");
    deaf.send_some(get("/big?20000000") + get("/big?1"));
    CHECK(pump(fixture.loop, [&] { return fixture.server->counters().requests == 2; }));
    fixture.server.reset();
    CHECK(fixture.wait(*half, [&] { return half->ended() || half->reset(); }));
  }  // the loop's destructor checks that no handle was forgotten

  TEST_CASE("random and mutated bytes never stop the server") {
    Fixture fixture({.requests_per_turn_max = 2, .linger_timeout = 5ms});
    Random random(20240611);
    const std::vector<std::string> seeds{
        get("/v1/check?user=a&hits=2"),
        "POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello",
        "PUT /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        "HEAD / HTTP/1.0\r\nConnection: keep-alive\r\nA:  b \t\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "GET http://h/p?q HTTP/1.1\r\nHost: h\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n",
    };
    const std::string_view spice("\r\n\0 \t:/?%\xff\x80GHTP1.,", 19);
    for (int round = 0; round < 3000; ++round) {
      CAPTURE(round);
      std::string input;
      for (std::uint64_t parts = 1 + random.below(3); parts > 0; --parts)
        input += seeds[random.below(seeds.size())];
      for (std::uint64_t edits = random.below(8); edits > 0 && !input.empty(); --edits) {
        const std::size_t at = random.below(input.size());
        switch (random.below(4)) {
          case 0:
            input[at] = static_cast<char>(random.next());
            break;
          case 1:
            input.insert(at, 1, spice[random.below(spice.size())]);
            break;
          case 2:
            input.erase(at, 1 + random.below(10));
            break;
          default:
            input.insert(at, input.substr(random.below(input.size()), random.below(40)));
            break;
        }
      }
      if (random.chance(0.1))
        for (char& byte : input) byte = static_cast<char>(random.next());
      RawClient client(fixture.server->local_endpoint());
      const std::size_t cut = random.below(input.size() + 1);
      client.send_some(std::string_view(input).substr(0, cut));
      uv_run(fixture.loop.get(), UV_RUN_NOWAIT);
      client.send_some(std::string_view(input).substr(cut));
      if (random.chance(0.5)) client.end_output();
      uv_run(fixture.loop.get(), UV_RUN_NOWAIT);
      client.receive_some();
    }
    CHECK(pump(fixture.loop, [&] { return fixture.open() == 0; }));
    const auto client = fixture.connect();
    REQUIRE(fixture.ask(*client, get("/alive")).size() == 1);
    CHECK(answers(client->received())[0].body == "GET /alive?");
  }
}
