/// The front ends of a node process: what listens for gateways and for people, and how that meets the node.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "app/node_service.hpp"
#include "frontend/front_end_status.hpp"
#include "grpc/health.hpp"
#include "grpc/rate_limit_service.hpp"
#include "grpc/server.hpp"
#include "http/admin_api.hpp"
#include "http/check_api.hpp"
#include "http/gateway_api.hpp"
#include "http/http2_handover.hpp"
#include "http/rls_api.hpp"
#include "http/server.hpp"
#include "http/write_access.hpp"
#include "node/config_watcher.hpp"
#include "node/descriptors.hpp"
#include "node/log.hpp"
#include "node/node.hpp"

namespace starling {

class FrontEnds final : private http::Http2Handover {
 public:
  /// `loop`, `loop_meter` and `node` outlive this.
  FrontEnds(Loop& loop, const LoopMeter& loop_meter, Node& node, const Settings& settings, Log log,
            http::WriteAccess access, const ConnectionBounds& bounds);
  FrontEnds(const FrontEnds&) = delete;
  FrontEnds& operator=(const FrontEnds&) = delete;

  /// Makes, in the thread that reads rules, what people will ask of them.
  ConfigWatcher::Prepare prepare_rules();

  /// Once the node has started. Error: one line that names the setting.
  tl::expected<void, std::string> start();

  /// Sends the clients away and lets them finish, within their own limits and `silence_max` for those that
  /// say nothing; people can still ask.
  void drain(std::chrono::milliseconds silence_max);
  bool drained() const;
  std::vector<FrontEndStatus> status() const;
  std::vector<RequestCount> requests() const;

 private:
  void on_http2(Handle<ClientStream> stream, std::string_view received) override;
  template <class Server>
  tl::expected<void, std::string> listen(Server& server, std::uint16_t port, std::string_view setting);

  Settings settings_;
  Log log_;
  Node& node_;
  NodeService service_;
  http::CheckApi check_;
  http::RlsApi rls_;
  http::GatewayApi gateway_;
  http::AdminApi admin_;
  http::Server http_server_;
  http::Server admin_server_;
  grpc::Health grpc_health_;
  grpc::RateLimitService grpc_rate_limit_;
  grpc::Server grpc_server_;
};

}  // namespace starling
