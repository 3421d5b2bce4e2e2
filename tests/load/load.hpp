/// The generator: one thread, one request under way per connection, for HTTP/1.1, gRPC and Redis alike.
///
/// Closed loop (no phases): each connection asks again as soon as it is answered; that finds the highest
/// rate. Open loop: requests are due when the plan says, whether or not earlier ones were answered. One that
/// is due while all connections to its target are busy waits, and its latency counts from when it was due,
/// not from when it could be sent; so a server that stands still is charged for everybody it kept waiting (no
/// coordinated omission). How late the generator itself was, with a connection free and a request due, is
/// told beside it (`lag`): where that is not small against the latency, the measurement is of the machine.
///
/// Targets that go away (`survive`): what was under way is lost, what is due goes to the next target, as a
/// load balancer would send it, and the connections are made again when they can be.
#pragma once

#include <netdb.h>
#include <sys/epoll.h>

#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "histogram.hpp"
#include "ledger.hpp"
#include "options.hpp"
#include "plan.hpp"
#include "talk.hpp"

namespace starling::load {

class Load {
 public:
  explicit Load(const Options& options);
  ~Load();
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  void run();
  void print() const;

 private:
  using Clock = std::chrono::steady_clock;

  struct Counts {
    std::uint64_t offered = 0, allowed = 0, denied = 0, failed = 0, lost = 0, untold = 0, redirected = 0;
  };
  struct Target;
  struct Connection {
    enum class State : std::uint8_t { closed, connecting, idle, busy };
    Target* target = nullptr;
    int fd = -1;
    State state = State::closed;
    std::unique_ptr<Talk> talk;
    std::string unsent;
    Clock::time_point due, sent, idle_since, connect_at;
    std::uint32_t caller = 0;
  };
  struct Target {
    std::uint16_t index = 0;
    std::string name;
    addrinfo* address = nullptr;
    std::vector<Connection> connections;
    std::deque<Connection*> idle;
    std::deque<Due> waiting;  ///< due, but every connection was busy
    std::size_t open = 0;
    Counts counts;
    std::string problem;  ///< the last one
  };

  void resolve(Target& target, const Options::Target& told);
  void connect(Connection& connection, Clock::time_point now);
  void connect_all();
  void wait_for_start();
  void close(Connection& connection, const std::string& why, Clock::time_point now);
  void idle(Connection& connection, Clock::time_point now);
  void ask(Connection& connection, Clock::time_point due, std::uint32_t caller, Clock::time_point now);
  bool flush(Connection& connection);
  void on_event(Connection& connection, std::uint32_t events);
  void on_readable(Connection& connection);
  void on_answer(Connection& connection, Verdict verdict, Clock::time_point now);
  void note(const Connection& connection, Outcome outcome, const LimitTold* told, Clock::time_point received);
  void schedule(Clock::time_point now);
  void hand_over(Target& from);
  void reconnect(Clock::time_point now);
  void poll(Clock::time_point now, Clock::time_point until);
  void tell_progress(Clock::time_point now);
  bool open_loop() const { return !options_.phases.empty(); }
  bool counts_windows() const { return options_.limit.window_s > 0; }
  double wall_s(Clock::time_point time) const;
  Counts sum() const;
  std::uint64_t unsent() const;

  Options options_;
  RequestTemplate requests_;
  Plan plan_;
  int epoll_ = epoll_create1(EPOLL_CLOEXEC);
  std::vector<Target> targets_;
  std::size_t closed_ = 0;
  std::vector<char> buffer_;
  Clock::time_point start_, end_, tell_at_;
  double start_wall_s_ = 0;
  std::uint32_t next_caller_ = 0;  ///< of the closed loop
  Histogram latency_ns_, lag_ns_, second_ns_;
  std::vector<Answer> answers_;
  std::uint64_t under_way_ = 0;
  double took_s_ = 0;
};

}  // namespace starling::load
