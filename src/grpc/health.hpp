/// The health protocol that Kubernetes, Envoy and gRPC clients know: `grpc.health.v1.Health`, Check and
/// Watch.
///
/// Served are "" (the whole server), "ratelimit" (as Envoy's reference service calls itself) and the full
/// name of the rate limit service; all have one status, for the node is ready for all or for none. Watchers
/// are told at once and at each change. Nothing tells when the node's state changes, so while there are
/// watchers a timer looks every `poll_interval`.
#pragma once

#include <uv.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "frontend/check_service.hpp"
#include "grpc/method.hpp"
#include "grpc/stream_method.hpp"
#include "node/handle.hpp"
#include "node/loop.hpp"

namespace starling::grpc {

enum class ServingStatus : std::uint8_t { unknown = 0, serving = 1, not_serving = 2, service_unknown = 3 };

struct HealthOptions {
  std::size_t watchers_max = 1'024;
  /// So that one client cannot take all places. A client watches once for each service that it uses.
  std::size_t watchers_per_connection_max = 16;
  std::chrono::milliseconds poll_interval{100};
};

class Health {
 public:
  /// `loop` and `node` outlive this; this outlives the server that it is added to.
  Health(Loop& loop, const CheckService& node, const HealthOptions& options = {});
  Health(const Health&) = delete;
  Health& operator=(const Health&) = delete;

  UnaryMethod& check() { return check_; }
  StreamMethod& watch() { return watch_; }
  /// From now on nothing is served; watchers are told at once.
  void leave();
  std::size_t watchers_count() const { return watchers_.size(); }

 private:
  struct Check final : UnaryMethod {
    explicit Check(Health& owner) : health(owner) {}
    std::string_view path() const override { return "/grpc.health.v1.Health/Check"; }
    CallStatus call(std::string_view request, std::string& reply) override;
    Health& health;
  };
  struct Watch final : StreamMethod {
    explicit Watch(Health& owner) : health(owner) {}
    std::string_view path() const override { return "/grpc.health.v1.Health/Watch"; }
    CallStatus open(std::string_view request, MessageSink& sink) override;
    void on_closed(MessageSink& sink) override;
    Health& health;
  };
  struct Watcher {
    const void* connection = nullptr;
    bool is_known = false;  ///< the service it watches
    ServingStatus told = ServingStatus::unknown;
  };

  ServingStatus status() const;
  void refresh();
  bool has_place(const MessageSink& sink) const;
  void remove(MessageSink& sink);

  const CheckService& node_;
  HealthOptions options_;
  Check check_{*this};
  Watch watch_{*this};
  Handle<uv_timer_t> timer_;  ///< active while there are watchers
  std::map<MessageSink*, Watcher> watchers_;
  std::string message_;
  bool leaving_ = false;
};

}  // namespace starling::grpc
