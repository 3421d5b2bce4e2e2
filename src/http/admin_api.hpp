/// The admin API: probes, and what a node knows, as JSON.
///
/// `/livez` says that the loop turns, and nothing else: a node that waits for its peers must not be restarted
/// for it. `/readyz` is 200 once the peers' counts are in, and 503 again from the moment the node is told to
/// stop. `/metrics` is for Prometheus, `/` is a page for people (`page_api.hpp`).
/// `/v1/check` is answered here as well, so that one `--server` serves the whole command line.
#pragma once

#include "http/admin_service.hpp"
#include "http/check_api.hpp"
#include "http/handler.hpp"
#include "http/overrides_api.hpp"
#include "http/page_api.hpp"
#include "http/write_access.hpp"

namespace starling::http {

class AdminApi final : public Handler {
 public:
  /// Both must outlive this. `access` says who may change things.
  AdminApi(AdminService& service, CheckApi& check, WriteAccess access = WriteAccess());

  std::size_t body_bytes_max(const RequestView& request) const override;
  void on_request(const RequestView& request, Response& response) override;

 private:
  void answer_ready(Response& response) const;
  void answer_metrics(Response& response) const;
  void answer_peers(Response& response) const;
  void answer_status(Response& response) const;
  void answer_rules(const RequestView& request, Response& response);
  void answer_counters(const RequestView& request, Response& response);
  void answer_top(const RequestView& request, Response& response);

  AdminService& service_;
  CheckApi& check_;
  WriteAccess access_;
  OverridesApi overrides_;
  PageApi page_;
  QueryScratch scratch_;
};

}  // namespace starling::http
