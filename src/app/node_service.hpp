/// The node as the front ends see it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "frontend/check_service.hpp"
#include "frontend/request_count.hpp"
#include "http/admin_service.hpp"
#include "node/log.hpp"
#include "node/loop_meter.hpp"
#include "node/node.hpp"

namespace starling {

class NodeService final : public CheckService, public http::AdminService {
 public:
  /// What only those know who made the front ends; asked whenever somebody wants to know.
  struct Views {
    std::function<std::vector<FrontEndStatus>()> front_ends;
    std::function<std::vector<RequestCount>()> requests;
  };

  /// `node` and `loop_meter` outlive this.
  NodeService(Node& node, const LoopMeter& loop_meter, Log log, Views views)
      : node_(node), loop_meter_(loop_meter), log_(std::move(log)), views_(std::move(views)) {
    node_.set_watch([this] { watch(); });
  }
  ~NodeService() { node_.set_watch(nullptr); }
  NodeService(const NodeService&) = delete;
  NodeService& operator=(const NodeService&) = delete;

  Decision decide(const Request& request) override {
    decided_at_ = Loop::wall();
    return node_.decide(request, decided_at_);
  }
  bool ready() const override { return node_.state() == EngineState::ready; }
  WallTime decided_at() const override { return decided_at_; }
  void on_failure(std::string_view what) override { node_.report(Trouble::decisions_failed, 1, what); }
  std::string_view node_name() const override { return node_.name(); }
  NodeStatus status() const override { return node_.status(); }
  std::shared_ptr<const RuleSet> rules() const override { return node_.rules(); }
  std::vector<FrontEndStatus> front_ends() const override { return views_.front_ends(); }
  std::string metrics() override;
  std::vector<CounterView> counters(const Request& request) override { return node_.counters(request); }
  TopView top(const TopQuery& query) override { return node_.top(query); }
  std::vector<LiveView> live_overrides() const override { return node_.live_overrides(); }
  tl::expected<LiveView, std::string> set_live(const http::LiveChange& change) override;
  bool clear_live(const LiveOverride& subject, const std::string& by) override {
    return node_.clear_live(subject, by);
  }

 private:
  /// Tells the node what the front ends had to refuse.
  void watch();

  Node& node_;
  const LoopMeter& loop_meter_;
  Log log_;
  Views views_;
  WallTime decided_at_{};
};

}  // namespace starling
