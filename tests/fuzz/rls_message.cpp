// The message of a ShouldRateLimit call, as it comes in the body of a gRPC request: framing, protobuf,
// decision, reply. The first byte says how the rest is cut into DATA frames, which must make no difference.
#include <protozero/pbf_reader.hpp>
#include <string>
#include <vector>

#include "engine_service.hpp"
#include "grpc/message_reader.hpp"
#include "grpc/rate_limit_service.hpp"
#include "grpc/rls_codec.hpp"
#include "target.hpp"

using namespace starling;
using namespace starling::grpc;

namespace {

constexpr std::size_t message_bytes_max = 4096;

void check_framing(std::uint8_t seed, std::string_view body) {
  MessageReader whole;
  MessageReader cut;
  whole.take(body, message_bytes_max);
  for (fuzz::Cutter cutter(seed, body); !cutter.done();) cut.take(cutter.next(), message_bytes_max);
  REQUIRE_THAT(whole.state() == cut.state());
  REQUIRE_THAT(whole.buffered_bytes() <= message_bytes_max);
  if (whole.state() == MessageReader::State::whole) REQUIRE_THAT(whole.message() == cut.message());
}

/// What Envoy reads of it.
void check_reply(std::string_view reply, std::size_t descriptors_count) {
  std::uint32_t overall = 0;
  std::size_t statuses_count = 0;
  protozero::pbf_reader message(reply.data(), reply.size());
  while (message.next()) {
    if (message.tag() == 1) {
      overall = static_cast<std::uint32_t>(message.get_enum());
    } else if (message.tag() == 2) {
      protozero::pbf_reader status = message.get_message();
      ++statuses_count;
      bool has_code = false;
      while (status.next()) {
        if (status.tag() == 1) {
          const auto code = status.get_enum();
          has_code = code == 1 || code == 2;
        } else {
          status.skip();
        }
      }
      REQUIRE_THAT(has_code);
    } else {
      message.skip();
    }
  }
  REQUIRE_THAT(overall == 1 || overall == 2);
  REQUIRE_THAT(statuses_count == descriptors_count);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes_count) {
  static fuzz::EngineService service;
  static RateLimitService method(service);
  static RlsRequest request;
  if (bytes_count == 0) return 0;
  service.move_on();
  check_framing(data[0], fuzz::text_of(data + 1, bytes_count - 1));

  // The protobuf gets a buffer of just its size.
  const std::size_t prefix = std::min(1 + message_prefix_bytes, bytes_count);
  const std::vector<char> exact(data + prefix, data + bytes_count);
  const std::string_view message(exact.data(), exact.size());
  request.clear();
  const auto read = decode(message, request);
  const std::size_t descriptors_count = request.descriptors_count();
  std::string reply = "before";
  const CallStatus status = method.call(message, reply);
  REQUIRE_THAT(status.code == Code::ok || status.code == Code::invalid_argument);
  REQUIRE_THAT(status.code == Code::ok || !status.message.empty());
  REQUIRE_THAT(read || status.code != Code::ok);
  if (status.code == Code::ok) check_reply(std::string_view(reply).substr(6), descriptors_count);
  return 0;
}
