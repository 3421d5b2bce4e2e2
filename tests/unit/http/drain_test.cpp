// The end of a server while clients are at work: what is on its way is answered, who is silent is closed.
#include <chrono>
#include <filesystem>

#include "support.hpp"

using namespace starling::http;
using namespace starling::http::testing;
using namespace std::chrono_literals;

namespace {

constexpr std::chrono::milliseconds never_here{3'600'000};  ///< no test takes as long

void turn(Fixture& fixture) {
  for (int count = 0; count < 5; ++count) uv_run(fixture.loop.get(), UV_RUN_NOWAIT);
}

/// Each case runs over TCP and over a Unix domain socket.
struct DrainFixture : Fixture {
  DrainFixture(bool over_unix, const ServerOptions& options) : Fixture(options) {
    if (over_unix) use_unix();
  }
  bool told_to_close(RawClient& client, std::string_view target) {
    const auto all = ask(client, get(target));
    return all.size() == 1 && all[0].status == 200 && all[0].has("Connection: close");
  }
};

}  // namespace

TEST_SUITE("http.drain") {
  TEST_CASE(
      "a request that is sent after the drain began is answered, on an old connection and on a new one") {
    for (const bool over_unix : {false, true}) {
      CAPTURE(over_unix);
      DrainFixture fixture(over_unix, {.drain_idle_timeout = never_here});
      const auto used = fixture.connect();
      const auto unused = fixture.connect();
      CHECK(fixture.ask(*used, get("/before")).size() == 1);
      CHECK(pump(fixture.loop, [&] { return fixture.open() == 2; }));
      fixture.server->drain();
      turn(fixture);
      CHECK(fixture.open() == 2);
      CHECK(fixture.told_to_close(*used, "/on-its-way"));
      CHECK(fixture.told_to_close(*unused, "/first"));
      const auto late = fixture.connect();
      REQUIRE(late->connected());
      CHECK(fixture.told_to_close(*late, "/new"));
      CHECK(!fixture.server->drained());
      for (RawClient* client : {used.get(), unused.get(), late.get()}) {
        CHECK(fixture.wait(*client, [&] { return client->ended(); }));
        CHECK(!client->reset());
      }
    }
  }

  TEST_CASE("who stays silent is closed, and then nobody is let in") {
    for (const bool over_unix : {false, true}) {
      CAPTURE(over_unix);
      DrainFixture fixture(over_unix, {.drain_idle_timeout = 30ms});
      const auto silent = fixture.connect();
      CHECK(fixture.ask(*silent, get("/i")).size() == 1);
      fixture.server->drain();
      fixture.server->drain();  // told twice: nothing begins anew
      CHECK(fixture.wait(*silent, [&] { return silent->ended(); }));
      CHECK(pump(fixture.loop, [&] { return fixture.server->drained(); }));
      CHECK(!fixture.connect()->connected());
      CHECK(fixture.server->status().listeners.empty());
      if (over_unix) CHECK(!std::filesystem::exists(fixture.unix_path->text()));
      fixture.loop.run();  // returns: nothing is left to wait for
    }
  }

  TEST_CASE("a client that hangs up does not end the time in which new ones are let in") {
    DrainFixture fixture(false, {.drain_idle_timeout = never_here});
    const auto first = fixture.connect();
    CHECK(pump(fixture.loop, [&] { return fixture.open() == 1; }));
    fixture.server->drain();
    CHECK(fixture.told_to_close(*first, "/first"));
    first->hang_up();
    CHECK(pump(fixture.loop, [&] { return fixture.open() == 0; }));
    CHECK(!fixture.server->drained());
    CHECK(fixture.told_to_close(*fixture.connect(), "/second"));
  }

  TEST_CASE("connections that wait in the kernel when a drain begins are served") {
    for (const bool over_unix : {false, true}) {
      CAPTURE(over_unix);
      DrainFixture fixture(over_unix, {.drain_idle_timeout = never_here});
      std::vector<std::unique_ptr<RawClient>> queued;
      for (int count = 0; count < 20; ++count) {
        queued.push_back(fixture.connect());
        queued.back()->send_some(get("/queued"));
      }
      CHECK(fixture.open() == 0);
      fixture.server->drain();
      CHECK(fixture.open() == queued.size());
      for (const auto& client : queued) {
        CHECK(fixture.wait(*client, [&] { return client->ended() || client->reset(); }));
        const auto all = answers(client->received());
        REQUIRE(all.size() == 1);
        CHECK(all[0].has("Connection: close"));
      }
    }
  }

  TEST_CASE("connections that wait in the kernel when the time is over are served as well") {
    for (const bool over_unix : {false, true}) {
      CAPTURE(over_unix);
      DrainFixture fixture(over_unix, {.drain_idle_timeout = 1ms});
      const auto silent = fixture.connect();
      CHECK(pump(fixture.loop, [&] { return fixture.open() == 1; }));
      fixture.server->drain();
      uv_sleep(2);  // the loop stands still for longer than the server waits
      std::vector<std::unique_ptr<RawClient>> queued;
      for (int count = 0; count < 20; ++count) {
        queued.push_back(fixture.connect());
        queued.back()->send_some(get("/queued"));
      }
      for (const auto& client : queued) {
        CHECK(fixture.wait(*client, [&] { return client->ended() || client->reset(); }));
        CHECK(answers(client->received()).size() == 1);
      }
      for (const auto& client : queued) client->hang_up();
      CHECK(fixture.wait(*silent, [&] { return fixture.server->drained(); }));
    }
  }

  TEST_CASE("with no client there is nothing to wait for") {
    for (const bool over_unix : {false, true}) {
      CAPTURE(over_unix);
      DrainFixture fixture(over_unix, {.drain_idle_timeout = never_here});
      const auto gone = fixture.connect();
      CHECK(fixture.ask(*gone, get("/i")).size() == 1);
      gone->hang_up();
      CHECK(pump(fixture.loop, [&] { return fixture.open() == 0; }));
      fixture.server->drain();
      CHECK(fixture.server->drained());
      CHECK(!fixture.connect()->connected());
    }
  }

  TEST_CASE("the silence lasts no longer than the caller allows, or than it is allowed at any time") {
    DrainFixture told(false, {.drain_idle_timeout = never_here});
    DrainFixture impatient(false, {.idle_timeout = 30ms, .drain_idle_timeout = never_here});
    const auto one = told.connect();
    const auto other = impatient.connect();
    CHECK(pump(told.loop, [&] { return told.open() == 1; }));
    CHECK(pump(impatient.loop, [&] { return impatient.open() == 1; }));
    told.server->drain(0ms);
    impatient.server->drain();
    CHECK(pump(told.loop, [&] { return told.server->drained(); }));
    CHECK(pump(impatient.loop, [&] { return impatient.server->drained(); }));
  }

  TEST_CASE("a request that has arrived when the silence ends is answered") {
    for (const bool over_unix : {false, true}) {
      CAPTURE(over_unix);
      DrainFixture fixture(over_unix, {.drain_idle_timeout = 1ms});
      const auto client = fixture.connect();
      CHECK(fixture.ask(*client, get("/i")).size() == 1);
      turn(fixture);
      fixture.server->drain();
      client->forget();
      client->send_some(get("/last"));
      uv_sleep(2);  // the timer is due before the loop reads
      CHECK(fixture.wait(*client, [&] { return client->ended() || client->reset(); }));
      CHECK(answers(client->received()).size() == 1);
    }
  }
}
