// What DNS answers, and what the resolver makes of it. A server of the target's own, on the resolver's loop,
// UDP and TCP at one port, answers every question with what the input says: datagrams with other ids, names
// and counts, names that point to themselves, thousands of records, chains of aliases, truncated answers with
// a stream behind them whose lengths are wrong and whose pieces come one by one, or nothing.
//
// Whatever it is, a round ends and is reported once, its list is bounded and holds only addresses of one
// machine, and nothing is left in the loop. c-ares, which parses the answers, comes as a library that is not
// instrumented: the fuzzer sees its paths only by what the resolver does then; the address sanitizer sees its
// allocations, and its copying through libc.
#include <array>
#include <chrono>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "dns_server.hpp"
#include "input.hpp"
#include "node/resolver.hpp"
#include "node/sigpipe.hpp"
#include "target.hpp"

using namespace starling;
using namespace starling::fuzz;

namespace {

constexpr std::size_t input_bytes_max = 4096;

struct Listener final : Resolver::Listener {
  void on_resolution(const Resolution& resolution) override {
    check(resolution);
    if (resolution.early) {
      REQUIRE_THAT(!resolution.complete && rounds_count == 0);
      return;
    }
    ++rounds_count;
  }

  static void check(const Resolution& resolution) {
    REQUIRE_THAT(resolution.endpoints.size() <= endpoints_max);
    REQUIRE_THAT(resolution.errors.size() == resolution.faults.size());
    REQUIRE_THAT(resolution.errors.size() <= 2 * neighbors_max + 1);
    for (std::size_t i = 0; i < resolution.endpoints.size(); ++i) {
      const Endpoint& endpoint = resolution.endpoints[i];
      REQUIRE_THAT(endpoint.port == 4291 && !endpoint.address.is_unspecified());
      REQUIRE_THAT(!endpoint.address.is_v4() || endpoint.address.bytes[12] < 224);
      REQUIRE_THAT(endpoint.address.is_v4() || endpoint.address.bytes[0] != 0xff);
      REQUIRE_THAT(i == 0 || resolution.endpoints[i - 1] < endpoint);
    }
    for (const std::string& error : resolution.errors) REQUIRE_THAT(!error.empty() && error.size() < 1000);
    if (resolution.complete && resolution.errors.empty()) REQUIRE_THAT(!resolution.endpoints.empty());
  }

  std::size_t rounds_count = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes_count) {
  static const bool ignored = (ignore_sigpipe(), true);
  static_cast<void>(ignored);
  if (bytes_count == 0 || bytes_count > input_bytes_max) return 0;
  const std::uint8_t form = data[0];
  Loop loop;  // its destructor checks that nothing is left
  DnsServer server(loop, Input(data + 1, bytes_count - 1));
  Listener listener;
  Resolver::Options options;
  options.neighbors = {{.name = "peers.test.", .address = {}, .port = 4291}};
  if ((form & 1U) != 0) options.neighbors.push_back({.name = "more.test", .address = {}, .port = 4291});
  options.dns_servers = {server.endpoint()};
  options.resolv_conf = "/dev/null";
  options.interval = std::chrono::hours(1);
  options.try_timeout = std::chrono::milliseconds((form & 2U) != 0 ? 2 : 10);
  options.tries_count = (form & 4U) != 0 ? 2 : 1;
  options.round_timeout = std::chrono::milliseconds(60);
  {
    Resolver resolver(loop, options, listener);
    if ((form & 8U) != 0) {  // given up in the middle
      for (int turns = 0; turns < 6 && listener.rounds_count == 0; ++turns) server.turn();
    } else {
      // On a busy machine a round takes longer than its timeouts say, but not for ever.
      const Instant give_up_at = Loop::now() + std::chrono::seconds(30);
      while (listener.rounds_count == 0) {
        REQUIRE_THAT(Loop::now() < give_up_at);
        server.turn();
      }
      for (int turns = 0; turns < 3; ++turns) uv_run(loop.get(), UV_RUN_NOWAIT);
      REQUIRE_THAT(listener.rounds_count == 1);
    }
  }
  return 0;
}
