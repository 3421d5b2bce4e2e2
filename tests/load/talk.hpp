/// One connection's side of a protocol that the load generator speaks: one request at a time, as bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace starling::load {

/// A request as it is sent, but for the caller's number: the four zeros of the first `-0000` are replaced by
/// it, so that no length changes.
class RequestTemplate {
 public:
  explicit RequestTemplate(std::string bytes);
  const std::string& of(std::uint32_t caller);

 private:
  std::string bytes_;
  std::size_t digits_at_;
};

/// A caller's number has four digits.
inline constexpr std::size_t callers_max = 10'000;

enum class Verdict : std::uint8_t {
  none,  ///< the answer is not complete
  allowed,
  denied,
  failed,  ///< an answer that is neither: the measurement means nothing
  broken,  ///< not an answer at all; the connection is of no use any more
};

class Talk {
 public:
  virtual ~Talk() = default;
  /// Appends what opens the connection, if anything does.
  virtual void open(std::string& /*out*/) {}
  virtual void ask(std::uint32_t caller, std::string& out) = 0;
  /// Takes what was received; appends what the protocol itself has to say.
  virtual Verdict take(std::string_view bytes, std::string& out) = 0;
  /// The last answer as a bare server needs it: the whole of it, or the message of a gRPC reply.
  virtual std::string_view last_answer() const = 0;
  /// Whether the other side takes more requests on this connection; one that stops says no.
  virtual bool open_for_more() const { return true; }
};

std::unique_ptr<Talk> talk_http(RequestTemplate& requests);
/// RESP, as Redis speaks it: an integer is an answer.
std::unique_ptr<Talk> talk_redis(RequestTemplate& requests);
/// `requests` are messages without framing; `authority` and `path` are said once per request.
std::unique_ptr<Talk> talk_grpc(RequestTemplate& requests, std::string authority, std::string path);

}  // namespace starling::load
