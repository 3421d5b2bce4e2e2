// A whole gRPC connection without its socket: frames after the client's preface and first SETTINGS, through
// nghttp2, to ShouldRateLimit and a method that streams. The first byte says how the bytes are cut, and what
// happens meanwhile: calls grow old, or the client is sent away. In the end nothing may be left of any call.
#include <algorithm>
#include <string>
#include <vector>

#include "engine_service.hpp"
#include "grpc/rate_limit_service.hpp"
#include "grpc/session.hpp"
#include "target.hpp"

using namespace starling;
using namespace starling::grpc;
using namespace std::string_view_literals;

namespace {

constexpr std::string_view preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0"sv;
constexpr std::size_t output_bytes_max = 4096;
constexpr std::uint64_t ms_per_piece = 400;

class Repeating final : public StreamMethod {
 public:
  std::string_view path() const override { return "/s/Watch"; }
  CallStatus open(std::string_view request, MessageSink& sink) override {
    if (request == "no") return {Code::not_found, "no"};
    sinks_.push_back(&sink);
    sink.send(request);
    return {};
  }
  void on_closed(MessageSink& sink) override { REQUIRE_THAT(std::erase(sinks_, &sink) == 1); }

  void send_all() {
    for (MessageSink* sink : sinks_) sink->send("news");
  }
  std::size_t open_count() const { return sinks_.size(); }

 private:
  std::vector<MessageSink*> sinks_;
};

struct NewsIgnored final : Session::Owner {
  void on_news() override {}
};

/// Takes what is to be sent, as a client that reads would.
bool take_output(Session& session) {
  for (std::string out;; out.clear()) {
    if (session.append_output(out, output_bytes_max) == Session::Output::broken) return false;
    if (out.empty()) return true;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes_count) {
  static fuzz::EngineService service;
  static RateLimitService method(service);
  static Repeating repeating;
  static SessionContext context{.options = {.calls_per_connection_max = 16,
                                            .calls_max = 12,
                                            .header_list_bytes_max = 1024,
                                            .message_bytes_max = 512,
                                            .buffered_bytes_per_connection_max = 2048,
                                            .buffered_bytes_max = 4096,
                                            .stream_window_bytes = 1024},
                                .counters = {},
                                .unary_methods = {&method},
                                .stream_methods = {&repeating},
                                .free_calls = {}};
  if (bytes_count == 0) return 0;
  service.move_on();
  const bool leaves = (data[0] & 2U) != 0;
  const bool ages = (data[0] & 4U) != 0;
  const bool reads = (data[0] & 8U) == 0;
  {
    NewsIgnored owner;
    Session session(context, owner);
    std::uint64_t now_ms = 1;
    REQUIRE_THAT(session.receive(preface, now_ms) == Session::Received::good);
    REQUIRE_THAT(session.is_greeted());
    bool open = take_output(session);
    std::size_t pieces = 0;
    for (fuzz::Cutter cutter(data[0], fuzz::text_of(data + 1, bytes_count - 1)); open && !cutter.done();
         ++pieces) {
      now_ms += ms_per_piece;
      open = session.receive(cutter.next(), now_ms) == Session::Received::good;
      if (open && reads) open = take_output(session);
      if (open && ages) session.give_up_late_calls(now_ms);
      if (open && pieces == 3) repeating.send_all();
      if (open && leaves && pieces == 5) session.announce_leaving();
      if (open && leaves && pieces == 9) session.leave();
      REQUIRE_THAT(session.calls_count() <= context.options.calls_max);
      REQUIRE_THAT(context.counters.calls_open == session.calls_count() + repeating.open_count());
    }
    if (open) take_output(session);
  }
  REQUIRE_THAT(context.counters.calls_open == 0);
  REQUIRE_THAT(context.counters.buffered_bytes == 0);
  REQUIRE_THAT(repeating.open_count() == 0);
  return 0;
}
