/// The resolver against a real DNS server, a silent one, and one that answers this or that.
#include "node/resolver.hpp"

#include <doctest/doctest.h>

#include "dns_servers.hpp"

namespace starling {
namespace {

TEST_SUITE("node.resolver") {
  TEST_CASE("A, AAAA and both are found, with heartbeat ports, sorted and each once") {
    if (!Dnsmasq::installed()) return;
    const Dnsmasq server(
        "10.0.0.2 four.test\n10.0.0.1 four.test\nfd00::1 six.test\n10.0.0.3 both.test\nfd00::3 both.test\n");
    const auto resolve = [&](const char* neighborhood) {
      World world;
      world.start(neighborhood, server.endpoint(), once());
      const Resolution& result = world.first_result();
      CHECK(result.complete);
      CHECK(result.errors.empty());
      CHECK(std::is_sorted(result.endpoints.begin(), result.endpoints.end()));
      return World::texts(result);
    };
    using Texts = std::vector<std::string>;
    CHECK(resolve("four.test") == Texts{"10.0.0.1:4291", "10.0.0.2:4291"});
    CHECK(resolve("six.test") == Texts{"[fd00::1]:4291"});
    CHECK(resolve("both.test") == Texts{"10.0.0.3:4291", "[fd00::3]:4291"});
    CHECK(resolve("both.test:5000") == Texts{"10.0.0.3:5000", "[fd00::3]:5000"});
    CHECK(resolve("four.test,six.test:1,four.test.,10.0.0.1,10.9.9.9,[fd00::9]:7") ==
          Texts{"10.0.0.1:4291", "10.0.0.2:4291", "10.9.9.9:4291", "[fd00::1]:1", "[fd00::9]:7"});
  }

  TEST_CASE("a trailing dot makes it one query per family, whatever resolv.conf searches") {
    if (!Dnsmasq::installed()) return;
    const Dnsmasq server("10.0.0.1 peers.ns.svc.test\n");
    Resolver::Options options = once();
    options.resolv_conf = (server.directory() / "resolv.conf").string();
    std::ofstream(options.resolv_conf) << "search ns.svc.test svc.test test\noptions ndots:5\n";
    World world;
    world.start("peers.ns.svc.test.", server.endpoint(), options);
    CHECK(World::texts(world.first_result()) == std::vector<std::string>{"10.0.0.1:4291"});
    CHECK(server.queries_count("A", "peers.ns.svc.test") == 1);
    CHECK(server.queries_count("AAAA", "peers.ns.svc.test") == 1);
    CHECK(server.queries_count("A", "peers.ns.svc.test.ns.svc.test") == 0);
  }

  TEST_CASE("resolve_now reads resolv.conf anew") {
    if (!Dnsmasq::installed()) return;
    const Dnsmasq server("10.0.0.1 peers.one.test\n10.0.0.2 peers.two.test\n");
    Resolver::Options options = once();
    options.resolv_conf = (server.directory() / "resolv.conf").string();
    std::ofstream(options.resolv_conf) << "search one.test\n";
    World world;
    Resolver& resolver = world.start("peers", server.endpoint(), options);
    CHECK(world.await_endpoints({"10.0.0.1:4291"}));
    std::ofstream(options.resolv_conf) << "search two.test\n";
    resolver.resolve_now();
    CHECK(world.await_endpoints({"10.0.0.2:4291"}));
    CHECK(world.recorder.results.size() == 2);
  }

  TEST_CASE("a name that does not exist yet is reported as normal, and found once it is there") {
    if (!Dnsmasq::installed()) return;
    Dnsmasq server("");
    World world;
    world.start("peers.test", server.endpoint(), often());
    const Resolution missing = world.first_result();
    CHECK(missing.complete);  // the server said so
    CHECK(missing.endpoints.empty());
    CHECK(missing.errors ==
          std::vector<std::string>{"name peers.test: not found (NXDOMAIN); normal until the first "
                                   "node is ready, retrying every 20ms"});
    server.replace_hosts("10.0.0.1 peers.test\n");
    CHECK(world.await_endpoints({"10.0.0.1:4291"}));
    CHECK(world.recorder.results.back().errors.empty());
    server.replace_hosts("10.0.0.1 peers.test\n10.0.0.2 peers.test\n");
    CHECK(world.await_endpoints({"10.0.0.1:4291", "10.0.0.2:4291"}));
    server.replace_hosts("");
    CHECK(world.await_endpoints({}));
  }

  TEST_CASE("one name's failure does not hide the others' addresses") {
    if (!Dnsmasq::installed()) return;
    const Dnsmasq server("10.0.0.1 here.test\n");
    World world;
    world.start("missing.test,here.test,10.9.9.9", server.endpoint(), once());
    const Resolution& result = world.first_result();
    CHECK(World::texts(result) == std::vector<std::string>{"10.0.0.1:4291", "10.9.9.9:4291"});
    REQUIRE(result.errors.size() == 1);
    CHECK(contains(result.errors[0], "name missing.test: not found (NXDOMAIN)"));
  }

  TEST_CASE("a silent server is a timeout, reported as such, until it answers") {
    if (!Dnsmasq::installed()) return;
    World world;
    std::optional<Responder> silent(std::in_place, world.loop, silence);
    const Endpoint endpoint = silent->endpoint();
    world.start("peers.test", endpoint, hurried());
    const Resolution silenced = world.first_result();
    CHECK_FALSE(silenced.complete);
    CHECK(silenced.endpoints.empty());
    CHECK(silenced.errors == std::vector<std::string>{"name peers.test: timed out; retrying every 20ms"});
    silent.reset();
    const std::size_t before = world.recorder.results.size();
    CHECK(world.run_until([&] { return world.recorder.results.size() > before; }));  // the port is closed now
    CHECK_FALSE(world.recorder.results.back().complete);
    const Dnsmasq server("10.0.0.1 peers.test\n", endpoint.port);
    CHECK(world.await_endpoints({"10.0.0.1:4291"}));
    CHECK(world.recorder.results.back().complete);
  }

  TEST_CASE("300 addresses do not fit a datagram and arrive all the same, by TCP") {
    if (!Dnsmasq::installed()) return;
    std::string hosts;
    std::vector<std::string> expected;
    for (int i = 0; i < 300; ++i) {
      hosts += fmt::format("10.1.{}.{} many.test\n", i / 250, i % 250);
      expected.push_back(fmt::format("10.1.{}.{}:4291", i / 250, i % 250));
    }
    const Dnsmasq server(hosts);
    World world;
    world.start("many.test", server.endpoint(), once());
    const Resolution& result = world.first_result();
    CHECK(World::texts(result) == expected);
    CHECK(result.complete);
    CHECK(result.errors.empty());
  }

  TEST_CASE("more addresses than the bound are left out, and said to be") {
    if (!Dnsmasq::installed()) return;
    std::string hosts;
    for (int i = 0; i < 4500; ++i) hosts += fmt::format("10.1.{}.{} n{}.test\n", i / 250, i % 250, i / 1500);
    const Dnsmasq server(hosts);
    World world;
    world.start("n0.test,n1.test,n2.test", server.endpoint(), once());
    const Resolution& result = world.first_result();
    CHECK(result.endpoints.size() == endpoints_max);
    CHECK_FALSE(result.complete);
    REQUIRE(result.errors.size() == 1);
    CAPTURE(result.errors[0]);
    CHECK(contains(result.errors[0], "expected at most 4096 addresses"));
  }

  TEST_CASE("of too many addresses others are kept each time, so that low ones cannot hide a true one") {
    if (!Dnsmasq::installed()) return;
    std::string hosts;
    for (int i = 0; i < 5000; ++i) hosts += fmt::format("10.1.{}.{} n{}.test\n", i / 250, i % 250, i / 1500);
    hosts += "10.200.0.1 n0.test\n";
    const Dnsmasq server(hosts);
    World world;
    world.start("n0.test,n1.test,n2.test,n3.test", server.endpoint(), hurried());
    CHECK(world.run_until([&] {
      return std::any_of(
          world.recorder.results.begin(), world.recorder.results.end(), [](const auto& result) {
            return !result.endpoints.empty() && result.endpoints.back().to_string() == "10.200.0.1:4291";
          });
    }));
  }

  TEST_CASE("addresses need no DNS and come round after round, a jittered interval apart") {
    World world;
    std::vector<Instant> times;
    world.recorder.then = [&] { times.push_back(Loop::now()); };
    world.start("10.0.0.1,fd00::1", Endpoint{Address::v4(127, 0, 0, 1), 1}, hurried());
    CHECK(world.recorder.results.empty());  // never inside the constructor
    REQUIRE(world.run_until([&] { return times.size() == 11; }));
    const Resolution& first = world.recorder.results.front();
    CHECK(World::texts(first) == std::vector<std::string>{"10.0.0.1:4291", "[fd00::1]:4291"});
    CHECK(first.complete);
    CHECK(first.errors.empty());
    for (std::size_t i = 1; i < times.size(); ++i)
      CHECK(times[i] - times[i - 1] >= 15ms);  // 20 ms less a fifth, less a timer's grain
  }

  TEST_CASE("resolve_now during a round lets it finish and makes one more") {
    World world;
    Responder silent(world.loop, silence);
    Resolver::Options options = once();
    options.try_timeout = 300ms;
    options.tries_count = 1;
    Resolver& resolver = world.start("peers.test.", silent.endpoint(), options);
    REQUIRE(world.run_until([&] { return silent.queries_count() == 2; }));
    for (int i = 0; i < 5; ++i) resolver.resolve_now();
    CHECK(world.recorder.results.empty());
    REQUIRE(world.run_until([&] { return world.recorder.results.size() == 2; }));
    CHECK(silent.queries_count() == 4);
    CHECK_FALSE(world.run_until([&] { return world.recorder.results.size() > 2; }, 150ms));
    CHECK(silent.queries_count() == 4);
    resolver.resolve_now();
    CHECK(world.run_until([&] { return world.recorder.results.size() == 3; }));
  }

  TEST_CASE("resolve_now from within the report starts another round") {
    World world;
    Resolver& resolver = world.start("10.0.0.1", Endpoint{Address::v4(127, 0, 0, 1), 1}, once());
    world.recorder.then = [&] {
      if (world.recorder.results.size() < 3) resolver.resolve_now();
    };
    CHECK(world.run_until([&] { return world.recorder.results.size() == 3; }));
  }

  TEST_CASE("a round is bounded in time, whatever the tries would take") {
    World world;
    Responder silent(world.loop, silence);
    Resolver::Options options = once();
    options.try_timeout = 1h;
    options.round_timeout = 50ms;
    world.start("peers.test.,10.0.0.1", silent.endpoint(), options);
    const Resolution& result = world.first_result();
    CHECK_FALSE(result.complete);
    CHECK(World::texts(result) == std::vector<std::string>{"10.0.0.1:4291"});
    CHECK(result.errors == std::vector<std::string>{"name peers.test.: timed out; retrying every 3600s"});
  }

  TEST_CASE("destroying it leaves the loop clean: at once, in mid-query, within the report") {
    SUBCASE("before its first round") {
      World world;
      world.start("peers.test.", Endpoint{Address::v4(127, 0, 0, 1), 1});
      world.resolver.reset();
    }
    SUBCASE("with queries under way") {
      World world;
      Responder silent(world.loop, silence);
      world.start("a.test.,b.test.,c", silent.endpoint());
      REQUIRE(world.run_until([&] { return silent.queries_count() >= 4; }));
      world.resolver.reset();
      CHECK(world.recorder.results.empty());
    }
    SUBCASE("with half of the answers in") {
      World world;
      Responder half(world.loop, [](const Bytes& query) {
        return asks_for_v6(query) ? std::vector<Bytes>{reply_to(query, 0, 0, {})} : std::vector<Bytes>{};
      });
      world.start("a.test.,b", half.endpoint());
      REQUIRE(world.run_until([&] { return half.queries_count() >= 4; }));
      world.run_until([] { return false; }, 20ms);
      world.resolver.reset();
      CHECK(world.recorder.results.empty());
    }
    SUBCASE("within the report") {
      World world;
      Responder good(world.loop, [](const Bytes& query) { return std::vector<Bytes>{good_reply(query)}; });
      world.recorder.then = [&] { world.resolver.reset(); };
      world.start("a.test.", good.endpoint(), once());
      CHECK(World::texts(world.first_result()) == std::vector<std::string>{"10.0.0.7:4291"});
      CHECK_FALSE(world.resolver.has_value());
    }
  }

  TEST_CASE("an answer for one family stands although the other one is missing") {
    World world;
    Responder responder(world.loop, [](const Bytes& query) {
      return asks_for_v6(query) ? std::vector<Bytes>{} : std::vector<Bytes>{good_reply(query)};
    });
    world.start("peers.test.", responder.endpoint(), often());
    // It is reported before the other one is given up, and again with the verdict on that.
    const Resolution early = world.first_result();
    CHECK(early.early);
    CHECK(World::texts(early) == std::vector<std::string>{"10.0.0.7:4291"});
    CHECK_FALSE(early.complete);
    REQUIRE(world.run_until([&] { return world.recorder.results.size() >= 2; }));
    const Resolution& result = world.recorder.results[1];
    CHECK_FALSE(result.early);
    CHECK(World::texts(result) == std::vector<std::string>{"10.0.0.7:4291"});
    CHECK_FALSE(result.complete);
    CHECK(result.errors ==
          std::vector<std::string>{"name peers.test.: A: answered, AAAA: timed out; retrying every 20ms"});
    CHECK(result.faults == std::vector<DnsFault>{DnsFault::one_family});
    CHECK(result.found_all());
  }

  TEST_CASE("a name without addresses is NODATA, a failing server is named so") {
    World world;
    std::uint8_t rcode = 0;
    Responder responder(
        world.loop, [&](const Bytes& query) { return std::vector<Bytes>{reply_to(query, rcode, 0, {})}; });
    SUBCASE("NODATA") {
      world.start("peers.test.", responder.endpoint(), often());
      CHECK(world.first_result().complete);
      CHECK(contains(world.first_result().errors.at(0), "no addresses (NODATA)"));
    }
    SUBCASE("SERVFAIL, REFUSED") {
      for (const int code : {2, 5}) {
        rcode = static_cast<std::uint8_t>(code);
        world.recorder.results.clear();
        world.start("peers.test.", responder.endpoint(), often());
        CHECK_FALSE(world.first_result().complete);
        CHECK(contains(world.first_result().errors.at(0), "no DNS server answers"));
      }
    }
  }

  TEST_CASE("a server that knows no EDNS is asked again without") {
    World world;
    Responder responder(world.loop, [](const Bytes& query) {
      const bool has_edns = query[11] != 0;
      return std::vector<Bytes>{has_edns ? reply_to(query, 1, 0, {}) : good_reply(query)};
    });
    world.start("peers.test.", responder.endpoint(), once());
    CHECK(World::texts(world.first_result()) == std::vector<std::string>{"10.0.0.7:4291"});
    CHECK(world.first_result().complete);
  }

  TEST_CASE("queries offer 1232 bytes by EDNS") {
    World world;
    Bytes seen;
    Responder responder(world.loop, [&](const Bytes& query) {
      seen = query;
      return std::vector<Bytes>{good_reply(query)};
    });
    world.start("peers.test.", responder.endpoint(), once());
    world.first_result();
    REQUIRE(seen.size() >= question_end(seen) + 11);
    const auto opt = seen.begin() + static_cast<std::ptrdiff_t>(question_end(seen));
    CHECK(Bytes(opt, opt + 5) == Bytes{0, 0, 41, 1232 >> 8, 1232 & 0xff});
  }

  TEST_CASE("localhost is known without asking") {
    World world;
    Responder silent(world.loop, silence);
    world.start("localhost,LOCALHOST.:5000", silent.endpoint(), once());
    CHECK(World::texts(world.first_result()) ==
          std::vector<std::string>{"[::1]:4291", "[::1]:5000", "127.0.0.1:4291", "127.0.0.1:5000"});
    CHECK(world.first_result().complete);
    CHECK(silent.queries_count() == 0);
  }
}

}  // namespace
}  // namespace starling
