// A load generator of one thread, for HTTP/1.1, gRPC and Redis alike: one request under way per connection.
//
// Closed loop (`--rate 0`): each connection asks again as soon as it is answered; that finds the highest
// rate. Open loop: requests are due at times drawn beforehand (exponential gaps, from a seed), whether or not
// earlier ones were answered. One that is due while all connections are busy waits, and its latency counts
// from when it was due, not from when it could be sent; so a server that stands still is charged for
// everybody it kept waiting (no coordinated omission). The loop never sleeps, since waking up would be part
// of what is measured: give it a core.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <fstream>
#include <iterator>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "histogram.hpp"
#include "talk.hpp"

namespace starling::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds drain_time{2};  // for the answers that are still owed at the end
constexpr std::size_t read_bytes_max = std::size_t{64} * 1024;
constexpr std::uint64_t seed = 1;
constexpr const char* usage =
    "usage: bench_load --protocol http|grpc|redis --address A --port P --request FILE [--path PATH]\n"
    "                  [--callers N] [--connections N] [--seconds S] [--rate R] [--answer FILE]\n"
    "FILE holds one request, or the message of a gRPC call; the first '-0000' in it becomes the caller's "
    "number.\n"
    "--rate 0 (the default) is as fast as it goes; --answer keeps the last answer. Prints JSON.\n";

[[noreturn]] void die(const std::string& message, int code = 1) {
  std::fprintf(stderr, "bench_load: %s\n", message.c_str());
  std::exit(code);
}

struct Options {
  std::string protocol, address = "127.0.0.1", request, path, answer;
  int port = 0;
  std::size_t callers = 1, connections = 50;
  double seconds = 3, rate = 0;
};

class Load {
 public:
  explicit Load(const Options& options);
  void run();
  void print() const;

 private:
  struct Connection {
    int fd = -1;
    std::unique_ptr<Talk> talk;
    Clock::time_point due;
    bool busy = false;
    std::string unsent;
  };

  void connect(Connection& connection);
  void ask(Connection& connection, Clock::time_point due);
  void send(Connection& connection);
  void on_readable(Connection& connection);
  void on_answer(Connection& connection, Verdict verdict, Clock::time_point now);
  void schedule(Clock::time_point now);
  void poll();
  bool open_loop() const { return options_.rate > 0; }

  Options options_;
  RequestTemplate requests_;
  int epoll_ = epoll_create1(EPOLL_CLOEXEC);
  std::vector<Connection> connections_;
  std::deque<Connection*> idle_;
  std::deque<Clock::time_point> waiting_;  // due, but every connection was busy
  Clock::time_point next_due_, end_;
  std::mt19937_64 random_{seed};
  std::exponential_distribution<double> gap_s_;
  std::vector<char> buffer_ = std::vector<char>(read_bytes_max);
  std::string out_;
  Histogram latency_ns_;
  std::map<Verdict, std::uint64_t> verdicts_;
  std::uint64_t under_way_ = 0;
  double took_s_ = 0;
};

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) die(path + ": expected a file that can be read");
  return {std::istreambuf_iterator<char>(file), {}};
}

Load::Load(const Options& options)
    : options_(options),
      requests_(read_file(options.request), options.callers),
      connections_(options.connections),
      gap_s_(options.rate > 0 ? options.rate : 1) {
  for (Connection& connection : connections_) connect(connection);
}

void Load::connect(Connection& connection) {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<std::uint16_t>(options_.port));
  if (inet_pton(AF_INET, options_.address.c_str(), &to.sin_addr) != 1)
    die("--address: expected an IPv4 address, found '" + options_.address + "'", 2);
  connection.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::connect(connection.fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0)
    die("cannot connect to " + options_.address + ":" + std::to_string(options_.port) + ": " +
        std::strerror(errno));
  const int on = 1;
  setsockopt(connection.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = &connection;
  epoll_ctl(epoll_, EPOLL_CTL_ADD, connection.fd, &event);
  const std::string authority = options_.address + ":" + std::to_string(options_.port);
  if (options_.protocol == "http")
    connection.talk = talk_http(requests_);
  else if (options_.protocol == "redis")
    connection.talk = talk_redis(requests_);
  else
    connection.talk = talk_grpc(requests_, authority, options_.path);
  connection.talk->open(connection.unsent);
  idle_.push_back(&connection);
}

void Load::ask(Connection& connection, Clock::time_point due) {
  connection.due = due;
  connection.busy = true;
  ++under_way_;
  connection.talk->ask(connection.unsent);
  send(connection);
}

void Load::send(Connection& connection) {
  // A request is far smaller than a socket's buffer, and the one before was answered: the kernel takes it
  // whole.
  while (!connection.unsent.empty()) {
    const ssize_t sent =
        ::send(connection.fd, connection.unsent.data(), connection.unsent.size(), MSG_NOSIGNAL);
    if (sent < 0) die(std::string("cannot send: ") + std::strerror(errno));
    connection.unsent.erase(0, static_cast<std::size_t>(sent));
  }
}

void Load::on_readable(Connection& connection) {
  const ssize_t count = recv(connection.fd, buffer_.data(), buffer_.size(), MSG_DONTWAIT);
  if (count < 0 && errno == EAGAIN) return;
  if (count <= 0) die("the server hung up");
  const Verdict verdict =
      connection.talk->take({buffer_.data(), static_cast<std::size_t>(count)}, connection.unsent);
  if (verdict == Verdict::broken) die("the server's answer is not one of " + options_.protocol);
  if (!connection.busy || verdict == Verdict::none) return send(connection);
  on_answer(connection, verdict, Clock::now());
  send(connection);
}

void Load::on_answer(Connection& connection, Verdict verdict, Clock::time_point now) {
  connection.busy = false;
  --under_way_;
  if (open_loop() || now < end_) {
    ++verdicts_[verdict];
    latency_ns_.add(static_cast<std::uint64_t>((now - connection.due).count()));
  }
  if (!open_loop() && now < end_)
    ask(connection, now);
  else
    idle_.push_back(&connection);
}

/// Moves on in the schedule, and asks what is due where a connection is free.
void Load::schedule(Clock::time_point now) {
  for (; next_due_ <= now && next_due_ < end_;
       next_due_ += std::chrono::nanoseconds(static_cast<std::int64_t>(gap_s_(random_) * 1e9)))
    waiting_.push_back(next_due_);
  while (!waiting_.empty() && !idle_.empty()) {
    Connection& connection = *idle_.front();
    idle_.pop_front();
    ask(connection, waiting_.front());
    waiting_.pop_front();
  }
}

void Load::poll() {
  epoll_event events[64];
  const int count = epoll_wait(epoll_, events, 64, 0);
  for (int i = 0; i < count; ++i) on_readable(*static_cast<Connection*>(events[i].data.ptr));
}

void Load::run() {
  const Clock::time_point start = Clock::now();
  next_due_ = start;
  end_ = start + std::chrono::nanoseconds(static_cast<std::int64_t>(options_.seconds * 1e9));
  if (!open_loop()) {
    idle_.clear();
    for (Connection& connection : connections_) ask(connection, Clock::now());
  }
  Clock::time_point now = start;
  for (; now < end_; now = Clock::now()) {
    if (open_loop()) schedule(now);
    poll();
  }
  took_s_ = std::chrono::duration<double>(now - start).count();
  for (; (under_way_ > 0 || !waiting_.empty()) && now < end_ + drain_time; now = Clock::now()) {
    if (open_loop()) schedule(now);
    poll();
  }
  if (options_.answer.empty()) return;
  std::ofstream file(options_.answer, std::ios::binary);
  file << connections_.front().talk->last_answer();
  if (!file.flush()) die(options_.answer + ": cannot be written");
}

void Load::print() const {
  const auto count = [&](Verdict verdict) {
    const auto found = verdicts_.find(verdict);
    return static_cast<unsigned long long>(found == verdicts_.end() ? 0 : found->second);
  };
  const auto us = [&](double share) { return static_cast<double>(latency_ns_.quantile(share)) / 1e3; };
  std::printf(
      "{\"requests\": %llu, \"seconds\": %.6f, \"rate\": %.1f, \"allowed\": %llu, \"denied\": %llu, "
      "\"failed\": %llu, \"unanswered\": %llu, \"p50_us\": %.1f, \"p99_us\": %.1f, \"p999_us\": %.1f, "
      "\"max_us\": %.1f}\n",
      static_cast<unsigned long long>(latency_ns_.count()), took_s_,
      static_cast<double>(latency_ns_.count()) / took_s_, count(Verdict::allowed), count(Verdict::denied),
      count(Verdict::failed), static_cast<unsigned long long>(open_loop() ? under_way_ + waiting_.size() : 0),
      us(0.5), us(0.99), us(0.999), static_cast<double>(latency_ns_.max()) / 1e3);
}

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; i += 2) {
    const std::string flag = argv[i];
    if (i + 1 >= argc) die(flag + ": expected a value\n" + usage, 2);
    const std::string value = argv[i + 1];
    if (flag == "--protocol")
      options.protocol = value;
    else if (flag == "--address")
      options.address = value;
    else if (flag == "--port")
      options.port = std::atoi(value.c_str());
    else if (flag == "--request")
      options.request = value;
    else if (flag == "--path")
      options.path = value;
    else if (flag == "--answer")
      options.answer = value;
    else if (flag == "--callers")
      options.callers = std::strtoul(value.c_str(), nullptr, 10);
    else if (flag == "--connections")
      options.connections = std::strtoul(value.c_str(), nullptr, 10);
    else if (flag == "--seconds")
      options.seconds = std::atof(value.c_str());
    else if (flag == "--rate")
      options.rate = std::atof(value.c_str());
    else
      die(flag + ": unknown\n" + usage, 2);
  }
  if (options.protocol != "http" && options.protocol != "grpc" && options.protocol != "redis")
    die("--protocol: expected http, grpc or redis, found '" + options.protocol + "'\n" + usage, 2);
  if (options.callers < 1 || options.callers > 10'000 || options.connections < 1)
    die("expected 1 to 10000 --callers and at least 1 of --connections", 2);
  return options;
}

}  // namespace
}  // namespace starling::bench

int main(int argc, char** argv) {
  starling::bench::Load load(starling::bench::parse(argc, argv));
  load.run();
  load.print();
  return 0;
}
