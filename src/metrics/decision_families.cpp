#include <array>
#include <map>
#include <string>
#include <utility>

#include "metrics/families.hpp"
#include "metrics/label_text.hpp"

namespace starling::metrics {
namespace {

/// Names that differ only in what is no text become one.
using ByName = std::map<std::pair<std::string, std::string>, decltype(RuleTally::requests)>;

ByName by_name(const std::vector<RuleTally>& tallies) {
  ByName sums;
  for (const RuleTally& tally : tallies) {
    auto& sum = sums[{label_text(tally.domain), label_text(tally.rule)}];
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += tally.requests[i];
  }
  return sums;
}

}  // namespace

void add_decisions(const Snapshot& snapshot, FamilyList& out) {
  const EngineCounts& engine = snapshot.node.engine;
  out.counter("starling_decisions_total",
              "What each rule said to the requests that it applied to, once per rule and request. "
              "rule=(request): limits that requests bring along; (others): rules beyond 1000.");
  for (const auto& [name, requests] : by_name(snapshot.node.rules))
    for (std::size_t i = 0; i < requests.size(); ++i)
      out.add({{"domain", name.first}, {"rule", name.second}, {"result", rule_verdict_names[i]}},
              requests[i]);

  out.counter(
      "starling_verdicts_total",
      "Requests as a whole. failed: could not be decided, and passed unless the gateway says otherwise.");
  out.add({{"result", "allowed"}}, engine.allowed);
  out.add({{"result", "denied"}}, engine.denied);
  out.add({{"result", "failed"}}, snapshot.node.decisions_failed);
  out.histogram("starling_decision_duration_seconds",
                "How long decisions took, without HTTP and gRPC around them. Every 61st is timed.",
                snapshot.node.decisions);
  out.counter(
      "starling_uncounted_limits_total",
      "Limits that could not be held to a request, which passed uncounted, since the counter table was full.",
      static_cast<double>(engine.uncounted));
  out.counter("starling_truncated_decisions_total",
              "Requests held to some of their limits only, since more applied than are looked at.",
              static_cast<double>(engine.truncated));

  out.counter("starling_requests_total",
              "Answers to gateways, by protocol and status. json: POST /json. grpc: OK, OVER_LIMIT, or the "
              "name of the status.");
  for (const RequestCount& request : snapshot.requests)
    out.add({{"protocol", request.protocol}, {"code", request.code}}, request.count);
}

void add_front_ends(const Snapshot& snapshot, FamilyList& out) {
  const auto of_each = [&](std::uint64_t FrontEndStatus::*field) {
    for (const FrontEndStatus& front_end : snapshot.front_ends)
      out.add({{"front_end", front_end.name}}, front_end.*field);
  };
  out.gauge("starling_connections", "Open connections.");
  of_each(&FrontEndStatus::connections_open);
  out.counter("starling_connections_accepted_total", "Connections taken.");
  of_each(&FrontEndStatus::connections_accepted);
  out.counter("starling_connections_refused_total", "Connections closed at once, for too many were open.");
  of_each(&FrontEndStatus::connections_refused);
  out.counter("starling_front_end_errors_total", "Requests and connections refused or given up, by reason.");
  for (const FrontEndStatus& front_end : snapshot.front_ends)
    for (const auto& [reason, count] : front_end.errors)
      out.add({{"front_end", front_end.name}, {"reason", reason}}, count);
}

}  // namespace starling::metrics
