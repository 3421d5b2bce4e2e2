/// A node as an embedder holds it: its life, from the first note to an empty loop.
#include <starling/node.hpp>

#include <doctest/doctest.h>
#include <unistd.h>
#include <uv.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace starling::embed {
namespace {

const std::string three_an_hour =
    "rules:\n  - name: x\n    match: {principal: '*'}\n    limits: [{requests: 3, per: 366d}]\n";

/// A caller's loop. Closing it must succeed: that is the promise.
struct CallersLoop {
  uv_loop_t loop{};
  CallersLoop() { REQUIRE(uv_loop_init(&loop) == 0); }
  ~CallersLoop() {
    uv_run(&loop, UV_RUN_DEFAULT);
    CHECK(uv_loop_close(&loop) == 0);
  }
};

/// Ports that are free, and little memory.
NodeOptions alone() {
  return {.bind = "127.0.0.1",
          .sync_port = 0,
          .heartbeat_port = 0,
          .node_name = "one",
          .rules = three_an_hour,
          .settings = {{"max-counters", "1000"}}};
}

Decision ask(Node& node, std::string_view principal = "alice", std::uint64_t hits = 1) {
  static Entry entry;
  static Descriptor descriptor;
  entry = {"principal", principal};
  descriptor = {.entries = {&entry, 1}};
  return node.decide({.descriptors = {&descriptor, 1}, .hits = hits});
}

}  // namespace

TEST_SUITE("embed.node") {
  TEST_CASE("it decides, counts and tells about itself") {
    CallersLoop callers;
    Node node(&callers.loop, alone());
    REQUIRE_FALSE(node.start());
    CHECK(node.ready());  // a cluster of one waits for nobody
    for (int i = 0; i < 3; ++i) CHECK(ask(node).allowed);
    const Decision denied = ask(node);
    CHECK_FALSE(denied.allowed);
    REQUIRE(denied.tightest != nullptr);
    CHECK(denied.tightest->rule == "x");
    CHECK(ask(node, "bob").allowed);
    const Status status = node.status();
    CHECK(status.name == "one");
    CHECK(status.origin != 0);
    CHECK(status.state == State::ready);
    CHECK(status.counts.allowed == 4);
    CHECK(status.counts.denied == 1);
    CHECK(status.counts.counters_max == 1000);
    CHECK(status.counts.rules == 1);
    CHECK(status.counts.cluster_size == 1);
    CHECK(status.sync_address.starts_with("127.0.0.1:"));
    CHECK(status.sync_address != status.heartbeat_address);
    CHECK(node.peers().empty());
    node.stop(nullptr);
  }

  TEST_CASE("stop calls back from the loop, once, with nothing left in it") {
    CallersLoop callers;
    Node node(&callers.loop, alone());
    REQUIRE_FALSE(node.start());
    ask(node);
    int told = 0;
    node.stop([&] {
      ++told;
      CHECK(uv_loop_alive(&callers.loop) == 0);
      CHECK(node.state() == State::left);
    });
    CHECK(told == 0);
    CHECK(node.state() == State::leaving);
    CHECK_FALSE(node.ready());
    uv_run(&callers.loop, UV_RUN_DEFAULT);
    CHECK(told == 1);
    CHECK(node.status().counts.allowed == 1);  // as it was last
    CHECK(node.peers().empty());
    CHECK(ask(node).allowed);
    CHECK(ask(node).limits.empty());
    CHECK(node.replace_rules(three_an_hour).message().find("left") != std::string::npos);
    node.drain();
    node.resolve_now();
    CHECK(node.start().message().find("fresh") != std::string::npos);
    node.stop([&] { ++told; });  // again: nothing to do, but it is said
    uv_run(&callers.loop, UV_RUN_DEFAULT);
    CHECK(told == 2);
  }

  TEST_CASE("a second stop replaces the callback that has not come yet") {
    CallersLoop callers;
    Node node(&callers.loop, alone());
    REQUIRE_FALSE(node.start());
    std::string told;
    node.stop([&] { told += "first"; });
    node.stop([&] { told += "second"; });
    uv_run(&callers.loop, UV_RUN_DEFAULT);
    CHECK(told == "second");
  }

  TEST_CASE("it may be destroyed in the callback of its stop") {
    CallersLoop callers;
    auto node = std::make_unique<Node>(&callers.loop, alone());
    REQUIRE_FALSE(node->start());
    node->stop([&] { node.reset(); });
    uv_run(&callers.loop, UV_RUN_DEFAULT);
    CHECK(node == nullptr);
  }

  TEST_CASE("destroyed at any moment, running, leaving or closing, it leaves nothing behind") {
    for (int iterations = 0; iterations < 6; ++iterations) {
      CallersLoop callers;
      bool told = false;
      {
        Node node(&callers.loop, alone());
        REQUIRE_FALSE(node.start());
        uv_run(&callers.loop, UV_RUN_NOWAIT);
        node.stop([&] { told = true; });
        for (int i = 0; i < iterations && !told; ++i) uv_run(&callers.loop, UV_RUN_NOWAIT);
        told = false;
      }
      uv_run(&callers.loop, UV_RUN_DEFAULT);
      CHECK_FALSE(told);
    }
  }

  TEST_CASE("destroyed without a word, in a callback of another handle") {
    CallersLoop callers;
    auto node = std::make_unique<Node>(&callers.loop, alone());
    REQUIRE_FALSE(node->start());
    uv_timer_t timer;
    uv_timer_init(&callers.loop, &timer);
    timer.data = &node;
    uv_timer_start(
        &timer,
        [](uv_timer_t* handle) {
          static_cast<std::unique_ptr<Node>*>(handle->data)->reset();
          uv_close(reinterpret_cast<uv_handle_t*>(handle), nullptr);
        },
        1, 0);
    uv_run(&callers.loop, UV_RUN_DEFAULT);
    CHECK(node == nullptr);
  }

  TEST_CASE("with a neighborhood to resolve, too") {
    CallersLoop callers;
    NodeOptions options = alone();
    options.neighborhood = "127.0.0.1:9,nowhere.invalid";
    options.settings["dns-servers"] = "127.0.0.1:9";
    auto node = std::make_unique<Node>(&callers.loop, std::move(options));
    REQUIRE_FALSE(node->start());
    CHECK(node->state() == State::joining);
    for (int i = 0; i < 5; ++i) uv_run(&callers.loop, UV_RUN_ONCE);
    node.reset();
  }

  TEST_CASE("before the start everything passes, uncounted, and stop works") {
    CallersLoop callers;
    Node node(&callers.loop, alone());
    CHECK(node.state() == State::idle);
    CHECK(ask(node).allowed);
    CHECK(node.peers().empty());
    CHECK(node.status().state == State::idle);
    node.drain();
    bool told = false;
    node.stop([&] { told = true; });
    uv_run(&callers.loop, UV_RUN_DEFAULT);
    CHECK(told);
    CHECK(node.start());
  }

  TEST_CASE("a failed start says why, and leaves nothing in the loop") {
    CallersLoop callers;
    NodeOptions taken = alone();
    Node first(&callers.loop, alone());
    REQUIRE_FALSE(first.start());
    const std::string address = first.status().sync_address;
    taken.sync_port = static_cast<std::uint16_t>(std::stoi(address.substr(address.find(':') + 1)));
    Node second(&callers.loop, taken);
    const Error error = second.start();
    REQUIRE(error);
    CHECK(error.message().starts_with("sync-port: cannot listen on UDP " + address));
    CHECK(second.state() == State::idle);
    CHECK(second.start().message().find("started before") != std::string::npos);
    first.stop(nullptr);
    uv_run(&callers.loop, UV_RUN_DEFAULT);
  }

  TEST_CASE("drained, it is not ready but still counts") {
    CallersLoop callers;
    Node node(&callers.loop, alone());
    REQUIRE_FALSE(node.start());
    node.drain();
    node.drain();
    CHECK(node.state() == State::leaving);
    for (int i = 0; i < 3; ++i) CHECK(ask(node).allowed);
    CHECK_FALSE(ask(node).allowed);
    node.stop(nullptr);
  }

  TEST_CASE("who decides much in one turn of the loop tells peers and hears them meanwhile") {
    CallersLoop callers;
    const auto beside = [](const char* address) {
      NodeOptions options = alone();
      options.neighborhood = "127.76.8.1,127.76.8.2";
      options.bind = options.node_name = address;
      options.heartbeat_port = 24291;
      return options;
    };
    Node one(&callers.loop, beside("127.76.8.1"));
    Node two(&callers.loop, beside("127.76.8.2"));
    REQUIRE_FALSE(one.start());
    REQUIRE_FALSE(two.start());
    const auto together = [&] {
      return one.ready() && two.ready() && one.status().counts.cluster_size == 2 &&
             two.status().counts.cluster_size == 2;
    };
    for (const std::uint64_t until = uv_hrtime() + 20'000'000'000; !together() && uv_hrtime() < until;)
      uv_run(&callers.loop, UV_RUN_ONCE);
    REQUIRE(together());

    // From here on no turn of the loop ends.
    CHECK(ask(one).allowed);
    std::uint64_t heard = 0;
    for (const std::uint64_t until = uv_hrtime() + 10'000'000'000; heard == 0 && uv_hrtime() < until;) {
      ask(one, "bob", 0);
      heard = ask(two, "alice", 0).tightest->used;
    }
    CHECK(heard == 1);
    one.stop([] {});
    two.stop([] {});
  }

  TEST_CASE("replaced rules keep their counts, and wrong ones change nothing") {
    CallersLoop callers;
    Node node(&callers.loop, alone());
    REQUIRE_FALSE(node.start());
    ask(node);
    std::string wider = three_an_hour;
    wider.replace(wider.find("requests: 3"), 11, "requests: 9");
    CHECK_FALSE(node.replace_rules(wider));
    CHECK(ask(node, "alice", 0).tightest->limit == 9);
    CHECK(ask(node, "alice", 0).tightest->used == 1);
    const Error error = node.replace_rules("rules: 3\n");
    REQUIRE(error);
    CHECK(error.message().starts_with("rules:1:8: "));
    CHECK(ask(node, "alice", 0).tightest->limit == 9);
    REQUIRE(node.status().advice.size() == 1);
    CHECK(node.status().advice[0].find(error.message()) != std::string::npos);
    node.stop(nullptr);
  }

  TEST_CASE("keys are read at the start and when the program says so, and a bad file changes nothing") {
    std::string path = "/tmp/starling-keys-XXXXXX";
    const int fd = mkstemp(path.data());
    REQUIRE(fd >= 0);
    const auto put = [&](const std::string& text) {
      REQUIRE(ftruncate(fd, 0) == 0);
      REQUIRE(pwrite(fd, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()));
    };
    const std::string key = std::string(42, 'C') + "A=\n";
    put(key);
    CallersLoop callers;
    NodeOptions options = alone();
    options.settings["key-file"] = path;
    {
      Node node(&callers.loop, options);
      REQUIRE_FALSE(node.start());
      put(std::string(42, 'B') + "A=\n" + key);
      CHECK_FALSE(node.reload_keys());
      put("nonsense\n");
      const Error error = node.reload_keys();
      REQUIRE(error);
      CHECK(error.message().starts_with(path + ":1: expected a key of 32 bytes in base64"));
      node.stop(nullptr);
    }
    Node wrong(&callers.loop, options);
    const Error refused = wrong.start();
    REQUIRE(refused);
    CHECK(refused.message().starts_with("key-file: " + path + ":1: expected a key"));
    CHECK(wrong.reload_keys().message().starts_with("expected a running node"));
    Node without(&callers.loop, alone());
    REQUIRE_FALSE(without.start());
    CHECK(without.reload_keys().message().starts_with("expected a key-file among the settings"));
    without.stop(nullptr);
    close(fd);
    unlink(path.c_str());
  }

  TEST_CASE("log lines come by callback") {
    CallersLoop callers;
    std::vector<std::string> lines;
    NodeOptions options = alone();
    options.log = [&](LogLevel, std::string_view line) { lines.emplace_back(line); };
    Node node(&callers.loop, options);
    REQUIRE_FALSE(node.start());
    node.stop(nullptr);
    uv_run(&callers.loop, UV_RUN_DEFAULT);
    REQUIRE(lines.size() > 1);
    CHECK(lines.back() == "left");
  }

  TEST_CASE("somebody else's handles go on") {
    CallersLoop callers;
    uv_timer_t timer;
    int ticks = 0;
    uv_timer_init(&callers.loop, &timer);
    timer.data = &ticks;
    const auto tick = [](uv_timer_t* handle) {
      if (++*static_cast<int*>(handle->data) == 5) uv_close(reinterpret_cast<uv_handle_t*>(handle), nullptr);
    };
    uv_timer_start(&timer, tick, 30, 10);
    Node node(&callers.loop, alone());
    REQUIRE_FALSE(node.start());
    int ticks_when_stopped = -1;
    node.stop([&] { ticks_when_stopped = ticks; });
    uv_run(&callers.loop, UV_RUN_DEFAULT);
    CHECK(ticks_when_stopped >= 0);
    CHECK(ticks == 5);
  }
}

}  // namespace starling::embed
