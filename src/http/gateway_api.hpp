/// What gateways find at the check port: the check API, `POST /json` and `GET /healthcheck`.
///
/// The health check is that of Envoy's reference service: 200 while gateways should ask this node, 500 before
/// the peers' counts are in and from the moment it leaves.
#pragma once

#include <cstddef>

#include "frontend/check_service.hpp"
#include "http/check_api.hpp"
#include "http/handler.hpp"
#include "http/rls_api.hpp"

namespace starling::http {

class GatewayApi final : public Handler {
 public:
  /// These must outlive this.
  GatewayApi(CheckService& service, CheckApi& check, RlsApi& rls)
      : service_(service), check_(check), rls_(rls) {}

  std::size_t body_bytes_max(const RequestView& request) const override;
  void on_request(const RequestView& request, Response& response) override;

 private:
  void answer_health(const RequestView& request, Response& response) const;

  CheckService& service_;
  CheckApi& check_;
  RlsApi& rls_;
};

}  // namespace starling::http
