// How long after a decision on one node another node counts it:
// `count_delay ADDRESS-OF-A ADDRESS-OF-B PEEK-PAUSE-US SAMPLES LIMIT`.
//
// Each sample is a caller that nobody has asked for, with a limit so small that A must tell its first hit at
// once (LIMIT is what the nodes' rule allows each caller). A is asked; from the same moment on B is looked at
// (hits=0, on a connection that stays) until fewer remain there.
//
//      A   asked ------- answered
//      B          peek 1: all there       peek 2: one is gone
//          |      |               |       |               |
//          t0     b1                      b2              e2
//
// B cannot say when it heard, so each sample is an interval: A decided between `asked` and `answered`, B
// heard between the beginning of the last peek that saw nothing and the end of the first that saw it. `most`
// = e2 - t0 is too long by A's way of answering and by the last two peeks; `least` = b1 - answered, and 0
// where A's answer came after that; `peek` = e2 - b1 is what is not known because B is only looked at now and
// then. Both connections are waited for together, so A's answer has its own time however long B takes; a node
// that does not answer in time ends the run as an error. Prints JSON, in microseconds.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr std::int64_t give_up_ns = 2'000'000'000;  // a count that is not there by then was lost
constexpr std::int64_t answer_s_max = 5;            // a node that needs longer hangs
constexpr std::uint16_t http_port = 8080;
constexpr std::size_t answer_bytes_max = 16 * 1024;
constexpr std::uint64_t samples_max = 1'000'000;
constexpr std::uint64_t pause_us_max = 1'000'000;

[[noreturn]] void die(const std::string& message, int code = 1) {
  std::fprintf(stderr, "count_delay: %s\n", message.c_str());
  std::exit(code);
}

std::int64_t now_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

timespec timespec_of(std::int64_t ns) {
  return {.tv_sec = static_cast<time_t>(ns / 1'000'000'000),
          .tv_nsec = static_cast<long>(ns % 1'000'000'000)};
}

void sleep_us(std::uint64_t us) {
  const timespec time = timespec_of(static_cast<std::int64_t>(us) * 1000);
  nanosleep(&time, nullptr);
}

std::uint64_t number(const char* name, const char* text, std::uint64_t least, std::uint64_t most) {
  std::uint64_t value = 0;
  const char* end = text + std::strlen(text);
  const auto [stopped, error] = std::from_chars(text, end, value);
  if (error != std::errc{} || stopped != end || value < least || value > most)
    die(std::string(name) + ": expected a whole number from " + std::to_string(least) + " to " +
            std::to_string(most) + ", found '" + text + "'",
        2);
  return value;
}

/// One connection to a node's check API with at most one question under way.
class Client {
 public:
  explicit Client(const char* address) : address_(address), socket_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_port = htons(http_port);
    const timeval patience{.tv_sec = time_t{answer_s_max}, .tv_usec = 0};
    setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);  // connect, too
    if (inet_pton(AF_INET, address, &at.sin_addr) != 1)
      die(address_ + ": expected an IPv4 address of a node", 2);
    if (socket_ < 0 || connect(socket_, reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0)
      die(address_ + ": expected a node at port 8080, found: " + std::strerror(errno));
    const int on = 1;
    setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  ~Client() { close(socket_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void ask(std::string_view caller, int hits) {
    question_ = "GET /v1/check?principal=" + std::string(caller) + "&hits=" + std::to_string(hits) +
                " HTTP/1.1\r\nHost: " + address_ + "\r\n\r\n";
    answer_.clear();
    asked_ = now_ns();
    answered_.reset();
    if (send(socket_, question_.data(), question_.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(question_.size()))
      die(address_ + ": expected to send a question, found: " + std::strerror(errno));
  }

  bool waits() const { return asked_ != 0 && !answered_; }
  std::int64_t asked() const { return asked_; }
  /// When its answer was there; not before `waits()` is false.
  std::int64_t answered() const { return *answered_; }
  std::int64_t answer_due() const { return asked_ + answer_s_max * 1'000'000'000; }
  int descriptor() const { return socket_; }

  /// Its socket could be read at `now`.
  void on_readable(std::int64_t now) {
    std::array<char, 4096> part{};
    const ssize_t count = recv(socket_, part.data(), part.size(), MSG_DONTWAIT);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (count <= 0) die(address_ + ": expected an answer, found that the node has hung up");
    answer_.append(part.data(), static_cast<std::size_t>(count));
    if (answer_.find("\r\n\r\n") != std::string::npos) answered_ = now;
    if (answer_.size() > answer_bytes_max) die(address_ + ": expected a short answer, found a long one");
  }

  void give_up_if_late(std::int64_t now) const {
    if (waits() && now >= answer_due())
      die(address_ + ": expected an answer within " + std::to_string(answer_s_max) + " s, found none");
  }

  /// What the answer says. An allowed check has no body, so the answer ends with its headers.
  std::uint64_t remaining() const {
    static constexpr std::string_view header = "\r\nX-RateLimit-Remaining: ";
    const std::size_t at = answer_.find(header);
    if (!answer_.starts_with("HTTP/1.1 200 ") || at == std::string::npos)
      die(address_ + ": expected a check that passes and says what remains, found: " +
          answer_.substr(0, answer_.find('\r')));
    return std::strtoull(answer_.c_str() + at + header.size(), nullptr, 10);
  }

 private:
  std::string address_, question_, answer_;
  int socket_;
  std::int64_t asked_ = 0;
  std::optional<std::int64_t> answered_;
};

/// Takes what comes to either, until `done()` or for so long.
template <class Done>
void hear(Client& a, Client& b, std::int64_t until, const Done& done) {
  while (!done()) {
    std::array<pollfd, 2> sockets{
        pollfd{.fd = a.waits() ? a.descriptor() : -1, .events = POLLIN, .revents = 0},
        pollfd{.fd = b.waits() ? b.descriptor() : -1, .events = POLLIN, .revents = 0}};
    const timespec patience = timespec_of(std::max<std::int64_t>(0, until - now_ns()));
    const int count = ppoll(sockets.data(), sockets.size(), &patience, nullptr);
    const std::int64_t now = now_ns();
    if (count > 0 && sockets[0].revents != 0) a.on_readable(now);
    if (count > 0 && sockets[1].revents != 0) b.on_readable(now);
    a.give_up_if_late(now);
    b.give_up_if_late(now);
    if (now >= until) return;
  }
}

struct Sample {
  std::int64_t most_ns = 0, least_ns = 0, peek_ns = 0, answer_ns = 0;
  std::uint64_t peeks_count = 0;
};

/// None if B did not hear in time.
std::optional<Sample> measure(Client& a, Client& b, const std::string& caller, std::uint64_t limit,
                              std::uint64_t pause_us) {
  Sample sample;
  std::optional<std::int64_t> heard;
  a.ask(caller, 1);
  std::int64_t unseen_since = a.asked();  // beginning of the last peek that saw nothing
  for (;;) {
    b.ask(caller, 0);
    hear(a, b, b.answer_due(), [&] { return !b.waits(); });
    ++sample.peeks_count;
    if (b.remaining() < limit) {
      heard = b.answered();
      break;
    }
    unseen_since = b.asked();
    if (b.answered() - a.asked() > give_up_ns) break;
    hear(a, b, b.answered() + static_cast<std::int64_t>(pause_us) * 1000, [] { return false; });
  }
  hear(a, b, a.answer_due(), [&] { return !a.waits(); });
  a.remaining();  // or an error: it must have passed
  if (!heard) return std::nullopt;
  sample.most_ns = *heard - a.asked();
  sample.least_ns = std::max<std::int64_t>(0, unseen_since - a.answered());
  sample.peek_ns = *heard - unseen_since;
  sample.answer_ns = a.answered() - a.asked();
  return sample;
}

void print(const Sample& sample, bool first) {
  const auto us = [](std::int64_t ns) { return static_cast<double>(ns) / 1e3; };
  std::printf(R"(%s{"most_us": %.1f, "least_us": %.1f, "peek_us": %.1f, "answer_us": %.1f, "peeks": %llu})",
              first ? "" : ",\n", us(sample.most_ns), us(sample.least_ns), us(sample.peek_ns),
              us(sample.answer_ns), static_cast<unsigned long long>(sample.peeks_count));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6) die("expected ADDRESS-OF-A ADDRESS-OF-B PEEK-PAUSE-US SAMPLES LIMIT", 2);
  const std::uint64_t pause_us = number("PEEK-PAUSE-US", argv[3], 0, pause_us_max);
  const std::uint64_t samples_count = number("SAMPLES", argv[4], 1, samples_max);
  const std::uint64_t limit = number("LIMIT", argv[5], 2, 1000);
  prctl(PR_SET_TIMERSLACK, 1UL);
  Client a(argv[1]), b(argv[2]);
  std::vector<Sample> samples;
  std::uint64_t lost = 0;
  // Of this run only: the nodes may have counted for those of another one.
  const std::string run = "delay-" + std::to_string(now_ns()) + "-";
  for (std::uint64_t i = 0; i < samples_count; ++i) {
    if (const auto sample = measure(a, b, run + std::to_string(i), limit, pause_us))
      samples.push_back(*sample);
    else
      ++lost;
    sleep_us(3'000 + i * 7'919 % 5'000);  // no rhythm that a timer of the nodes could share
  }
  std::printf("{\"lost\": %llu, \"samples\": [", static_cast<unsigned long long>(lost));
  for (std::size_t i = 0; i < samples.size(); ++i) print(samples[i], i == 0);
  std::printf("]}\n");
  return 0;
}
