#include "load.hpp"

#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <thread>
#include <utility>

namespace starling::load {
namespace {

using std::chrono::nanoseconds;

constexpr std::chrono::seconds drain_time{2};    // for the answers that are still owed at the end
constexpr std::chrono::seconds connect_time{5};  // for all connections at the start
constexpr std::chrono::milliseconds reconnect_pause{50};
constexpr std::chrono::milliseconds nap_max{100};
constexpr std::size_t read_bytes_max = std::size_t{64} * 1024;
constexpr std::size_t answers_max = 10'000'000;  // of 40 bytes each
constexpr double ns_per_s = 1e9;

volatile std::sig_atomic_t stopping = 0;

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) die(path + ": expected a file that can be read");
  return {std::istreambuf_iterator<char>(file), {}};
}

double wall_now_s() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::vector<double> weights_of(const Options& options) {
  std::vector<double> weights;
  for (const Options::Target& target : options.targets) weights.push_back(target.weight);
  return weights;
}

}  // namespace

Load::Load(const Options& options)
    : options_(options),
      requests_(read_file(options.request)),
      plan_({.phases = options.phases,
             .weights = weights_of(options),
             .callers = options.callers,
             .zipf = options.zipf}),
      targets_(options.targets.size()),
      buffer_(read_bytes_max) {
  std::signal(SIGINT, [](int) { stopping = 1; });
  std::signal(SIGTERM, [](int) { stopping = 1; });
  for (std::size_t i = 0; i < targets_.size(); ++i) {
    targets_[i].index = static_cast<std::uint16_t>(i);
    resolve(targets_[i], options.targets[i]);
    targets_[i].connections.resize(options.connections);
    for (Connection& connection : targets_[i].connections) connection.target = &targets_[i];
  }
  connect_all();
}

Load::~Load() {
  for (Target& target : targets_) {
    for (Connection& connection : target.connections)
      if (connection.fd >= 0) ::close(connection.fd);
    freeaddrinfo(target.address);
  }
  ::close(epoll_);
}

void Load::resolve(Target& target, const Options::Target& told) {
  target.name = told.host.find(':') == std::string::npos ? told.host + ":" + told.port
                                                         : "[" + told.host + "]:" + told.port;
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  const int problem = getaddrinfo(told.host.c_str(), told.port.c_str(), &hints, &target.address);
  if (problem != 0)
    die(target.name + ": expected an address or a name that has one, found: " + gai_strerror(problem));
}

void Load::connect(Connection& connection, Clock::time_point now) {
  const Target& target = *connection.target;
  const addrinfo& to = *target.address;
  connection.fd = socket(to.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (connection.fd < 0) die(std::string("cannot make a socket: ") + std::strerror(errno));
  const int on = 1;
  setsockopt(connection.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  --closed_;
  connection.state = Connection::State::connecting;
  connection.unsent.clear();
  if (options_.protocol == "http")
    connection.talk = talk_http(requests_);
  else if (options_.protocol == "redis")
    connection.talk = talk_redis(requests_);
  else
    connection.talk = talk_grpc(requests_, target.name, options_.path);
  connection.talk->open(connection.unsent);
  if (::connect(connection.fd, to.ai_addr, to.ai_addrlen) != 0 && errno != EINPROGRESS)
    return close(connection, std::strerror(errno), now);
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLET;
  event.data.ptr = &connection;
  epoll_ctl(epoll_, EPOLL_CTL_ADD, connection.fd, &event);
}

void Load::connect_all() {
  const Clock::time_point deadline = Clock::now() + connect_time;
  closed_ = targets_.size() * options_.connections;
  for (Target& target : targets_) {
    for (Connection& connection : target.connections) connect(connection, Clock::now());
    while (target.open < target.connections.size()) {
      poll(Clock::now(), deadline);
      if (target.problem.empty() && Clock::now() < deadline && stopping == 0) continue;
      die("cannot connect to " + target.name + ": " +
          (target.problem.empty() ? "no answer" : target.problem));
    }
  }
}

void Load::close(Connection& connection, const std::string& why, Clock::time_point now) {
  Target& target = *connection.target;
  if (!options_.survive && connection.state != Connection::State::connecting) die(target.name + ": " + why);
  if (connection.state == Connection::State::busy) {
    --under_way_;
    ++target.counts.lost;
    note(connection, Outcome::lost, nullptr, now);
  }
  if (connection.state == Connection::State::idle) std::erase(target.idle, &connection);
  if (connection.state == Connection::State::idle || connection.state == Connection::State::busy)
    --target.open;
  if (connection.state != Connection::State::idle) target.problem = why;
  ::close(connection.fd);
  connection.fd = -1;
  connection.state = Connection::State::closed;
  connection.connect_at = now + reconnect_pause;
  ++closed_;
}

void Load::idle(Connection& connection, Clock::time_point now) {
  if (connection.state == Connection::State::connecting) ++connection.target->open;
  connection.state = Connection::State::idle;
  connection.idle_since = now;
  connection.target->idle.push_back(&connection);
}

void Load::ask(Connection& connection, Clock::time_point due, std::uint32_t caller, Clock::time_point now) {
  connection.due = due;
  connection.sent = now;
  connection.caller = caller;
  connection.state = Connection::State::busy;
  ++under_way_;
  ++connection.target->counts.offered;
  const nanoseconds lag = now - std::max(due, connection.idle_since);
  lag_ns_.add(static_cast<std::uint64_t>(std::max<std::int64_t>(0, lag.count())));
  connection.talk->ask(caller, connection.unsent);
  if (!flush(connection)) close(connection, std::strerror(errno), now);
}

/// False when the connection is of no use any more.
bool Load::flush(Connection& connection) {
  while (!connection.unsent.empty()) {
    const ssize_t sent =
        ::send(connection.fd, connection.unsent.data(), connection.unsent.size(), MSG_NOSIGNAL);
    if (sent < 0) return errno == EAGAIN;  // EPOLLOUT follows
    connection.unsent.erase(0, static_cast<std::size_t>(sent));
  }
  return true;
}

void Load::on_event(Connection& connection, std::uint32_t events) {
  using State = Connection::State;
  const Clock::time_point now = Clock::now();
  if (connection.state == State::closed) return;
  if (connection.state == State::connecting) {
    int problem = 0;
    socklen_t size = sizeof problem;
    getsockopt(connection.fd, SOL_SOCKET, SO_ERROR, &problem, &size);
    if (problem != 0) return close(connection, std::strerror(problem), now);
    if ((events & EPOLLOUT) == 0) return;
    idle(connection, now);
  }
  if (!flush(connection)) return close(connection, std::strerror(errno), now);
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) on_readable(connection);
}

void Load::on_readable(Connection& connection) {
  for (;;) {
    const ssize_t count = recv(connection.fd, buffer_.data(), buffer_.size(), MSG_DONTWAIT);
    const Clock::time_point now = Clock::now();
    if (count < 0 && errno == EAGAIN) return;
    if (count <= 0) return close(connection, count < 0 ? std::strerror(errno) : "the server hung up", now);
    const Verdict verdict =
        connection.talk->take({buffer_.data(), static_cast<std::size_t>(count)}, connection.unsent);
    if (verdict == Verdict::broken && connection.talk->open_for_more())
      return close(connection, "the server's answer is not one of " + options_.protocol, now);
    if (connection.state == Connection::State::busy && verdict != Verdict::none && verdict != Verdict::broken)
      on_answer(connection, verdict, now);
    if (connection.state == Connection::State::closed) return;
    if (!flush(connection)) return close(connection, std::strerror(errno), now);
    if (connection.state == Connection::State::idle && !connection.talk->open_for_more())
      return close(connection, "the server takes no more requests", now);
    if (static_cast<std::size_t>(count) < buffer_.size()) return;
  }
}

void Load::on_answer(Connection& connection, Verdict verdict, Clock::time_point now) {
  --under_way_;
  if (open_loop() || now < end_) {
    Counts& counts = connection.target->counts;
    ++(verdict == Verdict::allowed  ? counts.allowed
       : verdict == Verdict::denied ? counts.denied
                                    : counts.failed);
    const auto latency_ns = static_cast<std::uint64_t>((now - connection.due).count());
    latency_ns_.add(latency_ns);
    second_ns_.add(latency_ns);
    if (counts_windows() && verdict != Verdict::failed) {
      const std::string_view answer = connection.talk->last_answer();
      const double decided_s = (wall_s(connection.sent) + wall_s(now)) / 2;
      const std::optional<LimitTold> told =
          options_.protocol == "http" ? limit_told_by_http(answer, options_.limit)
                                      : limit_told_by_grpc(answer, options_.limit.window_s, decided_s);
      if (!told)
        ++counts.untold;
      else if (verdict == Verdict::allowed)
        note(connection, Outcome::allowed, &*told, now);
      else
        note(connection, told->allowed ? Outcome::denied_elsewhere : Outcome::denied, &*told, now);
    }
  }
  idle(connection, now);
  if (open_loop() || now >= end_ || !connection.talk->open_for_more()) return;
  connection.target->idle.pop_back();
  ask(connection, now, std::exchange(next_caller_, (next_caller_ + 1) % options_.callers), now);
}

void Load::note(const Connection& connection, Outcome outcome, const LimitTold* told,
                Clock::time_point received) {
  if (!counts_windows()) return;
  if (answers_.size() == answers_max)
    die("expected at most 10,000,000 requests while windows are counted; ask for less");
  const auto of = [&](Clock::time_point time) { return nanoseconds(time - start_).count(); };
  const auto sent_in = std::floor(wall_s(connection.sent) / static_cast<double>(options_.limit.window_s));
  answers_.push_back({.sent_ns = of(connection.sent),
                      .received_ns = of(received),
                      .window = told != nullptr ? told->window : static_cast<std::int64_t>(sent_in),
                      .limit = told != nullptr ? told->limit : 0,
                      .caller = connection.caller,
                      .target = connection.target->index,
                      .outcome = outcome});
}

/// What is due at a target that nobody can reach goes to those that can be reached, in turn.
void Load::hand_over(Target& from) {
  if (from.open > 0 || from.waiting.empty()) return;
  for (std::size_t step = 1, tried = 0; !from.waiting.empty() && tried < targets_.size(); ++step) {
    Target& to = targets_[(from.index + step) % targets_.size()];
    tried = to.open > 0 ? 0 : tried + 1;
    if (to.open == 0) continue;
    to.waiting.push_back(from.waiting.front());
    from.waiting.pop_front();
    ++from.counts.redirected;
  }
}

/// Moves on in the plan, and asks what is due where a connection is free.
void Load::schedule(Clock::time_point now) {
  const std::int64_t now_ns = nanoseconds(now - start_).count();
  for (; plan_.next() && plan_.next()->at_ns <= now_ns && stopping == 0; plan_.advance())
    targets_[plan_.next()->target].waiting.push_back(*plan_.next());
  for (Target& target : targets_) hand_over(target);
  for (Target& target : targets_) {
    while (!target.waiting.empty() && !target.idle.empty()) {
      Connection& connection = *target.idle.front();
      const Due due = target.waiting.front();
      target.idle.pop_front();
      target.waiting.pop_front();
      ask(connection, start_ + nanoseconds(due.at_ns), due.caller, Clock::now());
    }
  }
}

void Load::reconnect(Clock::time_point now) {
  if (closed_ == 0) return;
  for (Target& target : targets_) {
    for (Connection& connection : target.connections)
      if (connection.state == Connection::State::closed && connection.connect_at <= now)
        connect(connection, now);
  }
}

void Load::poll(Clock::time_point now, Clock::time_point until) {
  epoll_event events[64];
  nanoseconds nap =
      options_.busy ? nanoseconds(0) : std::clamp<nanoseconds>(until - now, nanoseconds(0), nap_max);
  if (closed_ > 0) nap = std::min<nanoseconds>(nap, reconnect_pause);
  const timespec timeout{.tv_sec = 0, .tv_nsec = static_cast<long>(nap.count())};
  const int count = epoll_pwait2(epoll_, events, 64, &timeout, nullptr);
  for (int i = 0; i < count; ++i) on_event(*static_cast<Connection*>(events[i].data.ptr), events[i].events);
}

void Load::wait_for_start() {
  while (options_.at_s > 0 && stopping == 0) {
    const double left_s = options_.at_s - wall_now_s();
    if (left_s <= 0) break;
    std::this_thread::sleep_for(std::chrono::duration<double>(std::min(left_s, 0.05)));
    poll(Clock::now(), Clock::now());
  }
  start_ = Clock::now();
  start_wall_s_ = wall_now_s();
  end_ = start_ + nanoseconds(open_loop() ? plan_.end_ns() : std::llround(options_.seconds * ns_per_s));
  tell_at_ = start_ + std::chrono::seconds(1);
}

void Load::run() {
  wait_for_start();
  if (!open_loop()) {
    for (Target& target : targets_) {
      for (Connection& connection : target.connections)
        ask(connection, Clock::now(), std::exchange(next_caller_, (next_caller_ + 1) % options_.callers),
            Clock::now());
      target.idle.clear();
    }
  }
  Clock::time_point now = start_;
  for (; now < end_ && stopping == 0; now = Clock::now()) {
    if (open_loop()) schedule(now);
    reconnect(now);
    if (now >= tell_at_) tell_progress(now);
    poll(Clock::now(), std::min(end_, plan_.next() ? start_ + nanoseconds(plan_.next()->at_ns) : end_));
  }
  end_ = std::min(end_, now);
  took_s_ = std::chrono::duration<double>(now - start_).count();
  const Clock::time_point deadline = now + drain_time;
  for (; under_way_ + unsent() > 0 && now < deadline; now = Clock::now()) {
    if (open_loop()) schedule(now);
    reconnect(now);
    poll(now, deadline);
  }
  for (Target& target : targets_) {
    for (Connection& connection : target.connections) {
      if (connection.state != Connection::State::busy || !open_loop()) continue;
      ++target.counts.lost;
      note(connection, Outcome::lost, nullptr, now);
    }
  }
  if (options_.answer.empty()) return;
  std::ofstream file(options_.answer, std::ios::binary);
  file << targets_.front().connections.front().talk->last_answer();
  if (!file.flush()) die(options_.answer + ": cannot be written");
}

double Load::wall_s(Clock::time_point time) const {
  return start_wall_s_ + std::chrono::duration<double>(time - start_).count();
}

Load::Counts Load::sum() const {
  Counts all;
  for (const Target& target : targets_) {
    all.offered += target.counts.offered;
    all.allowed += target.counts.allowed;
    all.denied += target.counts.denied;
    all.failed += target.counts.failed;
    all.lost += target.counts.lost;
    all.untold += target.counts.untold;
    all.redirected += target.counts.redirected;
  }
  return all;
}

std::uint64_t Load::unsent() const {
  std::uint64_t count = 0;
  for (const Target& target : targets_) count += target.waiting.size();
  return count;
}

void Load::tell_progress(Clock::time_point now) {
  tell_at_ += std::chrono::seconds(1);
  if (!options_.progress) return;
  const Counts all = sum();
  std::printf(
      "{\"progress\": {\"seconds\": %.1f, \"offered\": %llu, \"allowed\": %llu, \"denied\": %llu, \"lost\": "
      "%llu, "
      "\"failed\": %llu, \"p99_us\": %.1f}}\n",
      std::chrono::duration<double>(now - start_).count(), static_cast<unsigned long long>(all.offered),
      static_cast<unsigned long long>(all.allowed), static_cast<unsigned long long>(all.denied),
      static_cast<unsigned long long>(all.lost), static_cast<unsigned long long>(all.failed),
      static_cast<double>(second_ns_.quantile(0.99)) / 1e3);
  std::fflush(stdout);
  second_ns_ = {};
}

}  // namespace starling::load
