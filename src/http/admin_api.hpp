/// The admin API: probes, and what a node knows, as JSON.
///
/// `/livez` says that the loop turns, and nothing else: a node that waits for its peers must not be restarted
/// for it. `/readyz` is 200 once the peers' counts are in, and 503 again from the moment the node is told to
/// stop. `/metrics` is for Prometheus, `/` is a page for people (`page_api.hpp`).
///
/// Whoever looks often must not keep gateways waiting. The rules of `/v1/status` are text that is made in the
/// thread that reads them (`short_rules.hpp`), and a page of metrics is kept for so long that making it takes
/// a fifth of the loop's time at most, however many ask.
/// `/v1/check` is answered here as well, so that one `--server` serves the whole command line.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "base/time.hpp"
#include "http/admin_service.hpp"
#include "http/check_api.hpp"
#include "http/handler.hpp"
#include "http/overrides_api.hpp"
#include "http/page_api.hpp"
#include "http/short_rules.hpp"
#include "http/write_access.hpp"

namespace starling::http {

/// A page of metrics is kept so long for each of its bytes: four times what they take to be made.
inline constexpr std::chrono::nanoseconds metrics_kept_per_byte{40};

class AdminApi final : public Handler {
 public:
  /// Both must outlive this. `access` says who may change things.
  /// Without a `clock` it is the loop's.
  AdminApi(AdminService& service, CheckApi& check, WriteAccess access = WriteAccess(),
           PageApi::Clock clock = {});

  std::size_t body_bytes_max(const RequestView& request) const override;
  void on_request(const RequestView& request, Response& response) override;

  /// Spares the next who asks the making of it. `rules`: made of those that are in force now.
  void keep(ShortRules rules);

 private:
  void answer_ready(Response& response) const;
  void answer_metrics(Response& response);
  void answer_peers(Response& response) const;
  void answer_status(Response& response);
  void answer_rules(const RequestView& request, Response& response);
  void answer_counters(const RequestView& request, Response& response);
  void answer_top(const RequestView& request, Response& response);

  AdminService& service_;
  CheckApi& check_;
  WriteAccess access_;
  OverridesApi overrides_;
  PageApi page_;
  QueryScratch scratch_;
  PageApi::Clock clock_;

  struct KeptMetrics {
    std::string text;
    Instant until{};
  } metrics_;

  /// The rules as JSON text, with the overrides that hold.
  const std::string& rules_text(const NodeStatus& status);

  struct KeptRules {
    std::shared_ptr<const RuleSet> rules;  ///< null: nothing is kept
    ShortRules in_short;                   ///< of `rules`
    struct Overrides {
      std::uint64_t digest = 0;
      std::size_t count = 0;  ///< those that hold: they expire without another digest
      friend bool operator==(const Overrides&, const Overrides&) = default;
    } overrides;
    std::string with_overrides;  ///< unless there are none
  } rules_;
};

}  // namespace starling::http
