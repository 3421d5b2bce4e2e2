/// DNS servers for the tests of the resolver: a real one (dnsmasq, a child process on an address and port of
/// its own) and one that answers what the test says, on the test's own loop; and a world to resolve in.
#pragma once

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
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "node/resolver.hpp"

namespace starling {

using namespace std::chrono_literals;
using Bytes = std::vector<std::uint8_t>;

inline constexpr Duration patience = 30s;  // of a condition that should hold soon
inline constexpr std::uint16_t heartbeat_port = 4291;
inline constexpr const char* dnsmasq_path = "/usr/sbin/dnsmasq";

/// An address of this process, so that tests in parallel do not meet.
inline std::string own_address() {
  const auto pid = static_cast<unsigned>(getpid());
  return fmt::format("127.{}.{}.{}", 64 + (pid >> 16) % 128, (pid >> 8) % 256, pid % 256);
}

inline sockaddr_in socket_address(const std::string& address, std::uint16_t port) {
  sockaddr_in result{};
  result.sin_family = AF_INET;
  result.sin_port = htons(port);
  inet_pton(AF_INET, address.c_str(), &result.sin_addr);
  return result;
}

inline std::uint16_t free_port(const std::string& address) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in bound = socket_address(address, 0);
  socklen_t size = sizeof bound;
  REQUIRE(bind(fd, reinterpret_cast<const sockaddr*>(&bound), size) == 0);
  REQUIRE(getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &size) == 0);
  close(fd);
  return ntohs(bound.sin_port);
}

inline Bytes question(std::string_view name, std::uint8_t type) {
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

inline std::vector<Bytes> silence(const Bytes&) {
  return {};
}

/// Where the question of `query` ends.
inline std::size_t question_end(const Bytes& query) {
  std::size_t at = 12;
  while (at < query.size() && query[at] != 0) at += query[at] + 1u;
  return std::min(query.size(), at + 5);
}

inline bool asks_for_v6(const Bytes& query) {
  return query[question_end(query) - 3] == 28;
}

/// `query` turned into an answer with `answers_count` records, which are the bytes of `records`.
inline Bytes reply_to(const Bytes& query, std::uint8_t rcode, std::uint16_t answers_count,
                      const Bytes& records) {
  Bytes reply(query.begin(), query.begin() + static_cast<std::ptrdiff_t>(question_end(query)));
  reply[2] = 0x81;
  reply[3] = static_cast<std::uint8_t>(0x80 | rcode);
  reply[6] = static_cast<std::uint8_t>(answers_count >> 8);
  reply[7] = static_cast<std::uint8_t>(answers_count);
  reply[8] = reply[9] = reply[10] = reply[11] = 0;
  reply.insert(reply.end(), records.begin(), records.end());
  return reply;
}

inline Bytes a_record(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d) {
  return {0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 5, 0, 4, a, b, c, d};
}

/// 10.0.0.7 for A; there is no AAAA.
inline Bytes good_reply(const Bytes& query) {
  return asks_for_v6(query) ? reply_to(query, 0, 0, {}) : reply_to(query, 0, 1, a_record(10, 0, 0, 7));
}

/// Round after round, with time enough for an answer.
inline Resolver::Options often() {
  Resolver::Options options;
  options.interval = 20ms;
  options.try_timeout = 500ms;
  options.tries_count = 1;
  return options;
}

/// Where no answer is to be waited for.
inline Resolver::Options hurried() {
  Resolver::Options options = often();
  options.try_timeout = 30ms;
  return options;
}

inline Resolver::Options once() {
  Resolver::Options options;
  options.interval = 1h;
  return options;
}

inline bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace starling
