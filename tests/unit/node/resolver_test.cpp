/// The resolver against a real DNS server (dnsmasq, a child process on an address and port of its own) and
/// against a hostile one (a UDP socket on the test's own loop that answers what the test says).
#include "node/resolver.hpp"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <optional>
#include <sstream>

namespace starling {
namespace {

using namespace std::chrono_literals;
using Bytes = std::vector<std::uint8_t>;

constexpr Duration patience = 30s;  // of a condition that should hold soon
constexpr std::uint16_t heartbeat_port = 4291;
constexpr const char* dnsmasq_path = "/usr/sbin/dnsmasq";

/// An address of this process, so that tests in parallel do not meet.
std::string own_address() {
  const auto pid = static_cast<unsigned>(getpid());
  return fmt::format("127.{}.{}.{}", 64 + (pid >> 16) % 128, (pid >> 8) % 256, pid % 256);
}

sockaddr_in socket_address(const std::string& address, std::uint16_t port) {
  sockaddr_in result{};
  result.sin_family = AF_INET;
  result.sin_port = htons(port);
  inet_pton(AF_INET, address.c_str(), &result.sin_addr);
  return result;
}

std::uint16_t free_port(const std::string& address) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in bound = socket_address(address, 0);
  socklen_t size = sizeof bound;
  REQUIRE(bind(fd, reinterpret_cast<const sockaddr*>(&bound), size) == 0);
  REQUIRE(getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &size) == 0);
  close(fd);
  return ntohs(bound.sin_port);
}

Bytes question(std::string_view name, std::uint8_t type) {
  Bytes query{0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0};
  while (!name.empty()) {
    const std::string_view label = name.substr(0, name.find('.'));
    query.push_back(static_cast<std::uint8_t>(label.size()));
    query.insert(query.end(), label.begin(), label.end());
    name.remove_prefix(std::min(name.size(), label.size() + 1));
  }
  const Bytes tail{0, 0, type, 0, 1};
  query.insert(query.end(), tail.begin(), tail.end());
  return query;
}

/// A dnsmasq that knows the names of one hosts file and nothing else. Names under .test that are not in the
/// file do not exist (NXDOMAIN).
class Dnsmasq {
 public:
  /// On `port` if one is given.
  explicit Dnsmasq(const std::string& hosts, std::uint16_t port = 0) : address_(own_address()) {
    std::string pattern = (std::filesystem::temp_directory_path() / "starling-dns-XXXXXX").string();
    REQUIRE(mkdtemp(pattern.data()) != nullptr);
    directory_ = pattern;
    write_hosts(hosts);
    const Instant deadline = Loop::now() + patience;
    do {
      port_ = port != 0 ? port : free_port(address_);
      start();
    } while (!answers() && Loop::now() < deadline);  // somebody else may have taken the port
    REQUIRE(pid_ > 0);
  }
  ~Dnsmasq() {
    stop();
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }
  Dnsmasq(const Dnsmasq&) = delete;
  Dnsmasq& operator=(const Dnsmasq&) = delete;

  static bool installed() {
    if (access(dnsmasq_path, X_OK) == 0) return true;
    MESSAGE("skipped: " << dnsmasq_path << " is not installed (Debian package dnsmasq-base)");
    return false;
  }

  Endpoint endpoint() const { return Endpoint{*Address::parse(address_), port_}; }

  void replace_hosts(const std::string& hosts) {
    write_hosts(hosts);
    kill(pid_, SIGHUP);
  }

  /// How often it was asked for `name`, by its log.
  std::size_t queries_count(const std::string& type, const std::string& name) const {
    std::ifstream log(directory_ / "log");
    std::size_t count = 0;
    for (std::string line; std::getline(log, line);)
      count += line.find(fmt::format("query[{}] {} from", type, name)) != std::string::npos;
    return count;
  }

  const std::filesystem::path& directory() const { return directory_; }

 private:
  void write_hosts(const std::string& hosts) const {
    std::ofstream(directory_ / "hosts") << "10.255.255.1 ready.test\n" << hosts;
  }

  void start() {
    // In the foreground, but not --no-daemon: that serves one TCP connection and nothing else meanwhile.
    std::vector<std::string> arguments{"dnsmasq",
                                       "--keep-in-foreground",
                                       "--conf-file=/dev/null",
                                       "--no-resolv",
                                       "--no-hosts",
                                       "--bind-interfaces",
                                       "--local=/test/",
                                       "--log-queries",
                                       "--log-facility=-",
                                       "--pid-file",
                                       "--addn-hosts=" + (directory_ / "hosts").string(),
                                       fmt::format("--port={}", port_),
                                       "--listen-address=" + address_};
    if (geteuid() == 0)
      arguments.push_back("--user=root");  // else it becomes nobody, who cannot read the hosts file
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    const std::string log = (directory_ / "log").string();
    pid_ = fork();
    if (pid_ != 0) return;
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (std::freopen(log.c_str(), "a", stderr) == nullptr) _exit(1);
    execv(dnsmasq_path, argv.data());
    _exit(1);
  }

  void stop() {
    if (pid_ <= 0) return;
    kill(pid_, SIGTERM);  // it ends its TCP children, which SIGKILL would leave behind
    waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

  /// Waits until it answers; false if it died.
  bool answers() {
    const Bytes query = question("ready.test", 1);
    const sockaddr_in to = socket_address(address_, port_);
    const timeval pause{0, 10'000};
    const int fd = socket(AF_INET, SOCK_DGRAM, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &pause, sizeof pause);
    bool answered = false;
    bool alive = true;
    while (!answered && alive) {
      std::array<char, 512> buffer{};
      sendto(fd, query.data(), query.size(), 0, reinterpret_cast<const sockaddr*>(&to), sizeof to);
      answered = recv(fd, buffer.data(), buffer.size(), 0) > 0;
      alive = waitpid(pid_, nullptr, WNOHANG) == 0;
    }
    close(fd);
    if (!alive) pid_ = -1;
    return alive;
  }

  std::string address_;
  std::uint16_t port_ = 0;
  std::filesystem::path directory_;
  pid_t pid_ = -1;
};

struct Recorder final : Resolver::Listener {
  void on_resolution(const Resolution& resolution) override {
    results.push_back(resolution);
    if (then) then();
  }

  std::vector<Resolution> results;
  std::function<void()> then;
};

/// A loop, a resolver on it, and what it reported. The loop's destructor checks that no handle was forgotten.
class World {
 public:
  World() {
    std::signal(SIGPIPE, SIG_IGN);  // as the node does: c-ares writes to TCP without MSG_NOSIGNAL
    auto waker = std::make_unique<uv_timer_t>();
    uv_timer_init(loop.get(), waker.get());
    waker_ = adopt(std::move(waker), this);
    uv_timer_start(
        waker_.get(), [](uv_timer_t*) {}, 5, 5);
  }

  Resolver& start(std::string_view neighborhood, const Endpoint& server, Resolver::Options options = {}) {
    const auto neighbors = parse_neighborhood(neighborhood, heartbeat_port);
    REQUIRE(neighbors);
    options.neighbors = *neighbors;
    options.dns_servers = {server};
    return resolver.emplace(loop, std::move(options), recorder);
  }

  bool run_until(const std::function<bool()>& condition, Duration limit = patience) {
    const Instant deadline = Loop::now() + limit;
    while (!condition() && Loop::now() < deadline) uv_run(loop.get(), UV_RUN_ONCE);
    return condition();
  }

  const Resolution& first_result() {
    REQUIRE(run_until([&] { return !recorder.results.empty(); }));
    return recorder.results.front();
  }

  bool await_endpoints(const std::vector<std::string>& expected) {
    return run_until([&] { return !recorder.results.empty() && texts(recorder.results.back()) == expected; });
  }

  static std::vector<std::string> texts(const Resolution& resolution) {
    std::vector<std::string> result;
    for (const Endpoint& endpoint : resolution.endpoints) result.push_back(endpoint.to_string());
    return result;
  }

  Loop loop;
  Recorder recorder;
  std::optional<Resolver> resolver;

 private:
  Handle<uv_timer_t> waker_;
};

/// A DNS server of the test's own making: every query gets the datagrams that `answer` returns.
class Responder {
 public:
  using Answer = std::function<std::vector<Bytes>(const Bytes& query)>;

  Responder(Loop& loop, Answer answer) : answer_(std::move(answer)) {
    auto udp = std::make_unique<uv_udp_t>();
    uv_udp_init(loop.get(), udp.get());
    udp_ = adopt(std::move(udp), this);
    sockaddr_in bound = socket_address(own_address(), 0);
    REQUIRE(uv_udp_bind(udp_.get(), reinterpret_cast<const sockaddr*>(&bound), 0) == 0);
    int size = sizeof bound;
    uv_udp_getsockname(udp_.get(), reinterpret_cast<sockaddr*>(&bound), &size);
    port_ = ntohs(bound.sin_port);
    uv_udp_recv_start(
        udp_.get(),
        [](uv_handle_t* handle, size_t, uv_buf_t* buffer) {
          auto& space = static_cast<Responder*>(handle->data)->space_;
          *buffer = uv_buf_init(space.data(), static_cast<unsigned>(space.size()));
        },
        [](uv_udp_t* handle, ssize_t size_or_error, const uv_buf_t* buffer, const sockaddr* from, unsigned) {
          if (size_or_error <= 0 || from == nullptr || handle->data == nullptr) return;
          static_cast<Responder*>(handle->data)
              ->on_query(Bytes(buffer->base, buffer->base + size_or_error), from);
        });
  }

  Endpoint endpoint() const { return Endpoint{*Address::parse(own_address()), port_}; }
  std::size_t queries_count() const { return queries_count_; }

 private:
  void on_query(const Bytes& query, const sockaddr* from) {
    ++queries_count_;
    for (Bytes& reply : answer_(query)) {
      const uv_buf_t buffer =
          uv_buf_init(reinterpret_cast<char*>(reply.data()), static_cast<unsigned>(reply.size()));
      uv_udp_try_send(udp_.get(), &buffer, 1, from);
    }
  }

  Answer answer_;
  Handle<uv_udp_t> udp_;
  std::uint16_t port_ = 0;
  std::size_t queries_count_ = 0;
  std::array<char, 4096> space_{};
};

std::vector<Bytes> silence(const Bytes&) {
  return {};
}

/// Where the question of `query` ends.
std::size_t question_end(const Bytes& query) {
  std::size_t at = 12;
  while (at < query.size() && query[at] != 0) at += query[at] + 1u;
  return std::min(query.size(), at + 5);
}

bool asks_for_v6(const Bytes& query) {
  return query[question_end(query) - 3] == 28;
}

/// `query` turned into an answer with `answers_count` records, which are the bytes of `records`.
Bytes reply_to(const Bytes& query, std::uint8_t rcode, std::uint16_t answers_count, const Bytes& records) {
  Bytes reply(query.begin(), query.begin() + static_cast<std::ptrdiff_t>(question_end(query)));
  reply[2] = 0x81;
  reply[3] = static_cast<std::uint8_t>(0x80 | rcode);
  reply[6] = static_cast<std::uint8_t>(answers_count >> 8);
  reply[7] = static_cast<std::uint8_t>(answers_count);
  reply[8] = reply[9] = reply[10] = reply[11] = 0;
  reply.insert(reply.end(), records.begin(), records.end());
  return reply;
}

Bytes a_record(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d) {
  return {0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 5, 0, 4, a, b, c, d};
}

/// 10.0.0.7 for A; there is no AAAA.
Bytes good_reply(const Bytes& query) {
  return asks_for_v6(query) ? reply_to(query, 0, 0, {}) : reply_to(query, 0, 1, a_record(10, 0, 0, 7));
}

/// Round after round, with time enough for an answer.
Resolver::Options often() {
  Resolver::Options options;
  options.interval = 20ms;
  options.try_timeout = 500ms;
  options.tries_count = 1;
  return options;
}

/// Where no answer is to be waited for.
Resolver::Options hurried() {
  Resolver::Options options = often();
  options.try_timeout = 30ms;
  return options;
}

Resolver::Options once() {
  Resolver::Options options;
  options.interval = 1h;
  return options;
}

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

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

  TEST_CASE("an answer for one family stands although the other one is missing") {
    World world;
    Responder responder(world.loop, [](const Bytes& query) {
      return asks_for_v6(query) ? std::vector<Bytes>{} : std::vector<Bytes>{good_reply(query)};
    });
    world.start("peers.test.", responder.endpoint(), often());
    const Resolution& result = world.first_result();
    CHECK(World::texts(result) == std::vector<std::string>{"10.0.0.7:4291"});
    CHECK_FALSE(result.complete);
    CHECK(result.errors ==
          std::vector<std::string>{"name peers.test.: A: answered, AAAA: timed out; retrying every 20ms"});
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
    for (const auto& [name, attack] : attacks) {
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
