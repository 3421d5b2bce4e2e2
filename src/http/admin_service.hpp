/// What the admin API needs from a node.
#pragma once

#include <starling/request.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "engine/top_view.hpp"
#include "engine/view.hpp"
#include "frontend/front_end_status.hpp"
#include "limiter/live_override.hpp"
#include "node/status.hpp"

namespace starling::http {

/// A live override as a client wants it.
struct LiveChange {
  LiveOverride what;
  std::optional<std::chrono::milliseconds> expires_in;
  std::string set_by;  ///< who wants it, for people
};

class AdminService {
 public:
  virtual NodeStatus status() const = 0;
  /// Those in force; never null.
  virtual std::shared_ptr<const RuleSet> rules() const = 0;
  /// Who listens for gateways and for people, and what came in there.
  virtual std::vector<FrontEndStatus> front_ends() const = 0;
  /// Everything for Prometheus, in its text format (version 0.0.4).
  virtual std::string metrics() = 0;
  /// The counters behind a request, without counting it.
  virtual std::vector<CounterView> counters(const Request& request) = 0;
  /// The hottest callers, as far as they are known now; names that are missing are asked for meanwhile.
  virtual TopView top(const TopQuery& query) = 0;

  /// All live overrides, by kind, rule and whom they are about.
  virtual std::vector<LiveView> live_overrides() const = 0;
  /// Sets or replaces one, here and by gossip everywhere. Error: one line for the client; nothing changed.
  virtual tl::expected<LiveView, std::string> set_live(const LiveChange& change) = 0;
  /// Takes away the one about the same subject. False: there is none.
  virtual bool clear_live(const LiveOverride& subject, const std::string& by) = 0;

 protected:
  ~AdminService() = default;
};

}  // namespace starling::http
