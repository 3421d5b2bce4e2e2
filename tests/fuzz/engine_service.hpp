/// A whole engine behind the front ends, with rules of every kind and tables so small that they fill up. Its
/// clock moves on with every input, so that old counters end and nothing grows.
#pragma once

#include <chrono>
#include <string_view>

#include "engine/engine.hpp"
#include "frontend/check_service.hpp"
#include "limiter/config_file.hpp"
#include "target.hpp"

namespace starling::fuzz {

inline constexpr std::string_view rules_text = R"(
domain: d
rules:
  - name: per-principal
    match: {principal: "*"}
    limits: [{requests: 3, per: 1s}, {requests: 5, per: 1h}]
    overrides:
      - match: {principal: "svc-*"}
        unlimited: true
    ignoring: [free]
  - name: "strange \"name\""
    match: {path: "/a*", client_ip: "*"}
    limits: [{requests: 1000000000000, per: 30d}]
    algorithm: sliding_window
    admission: guarded
  - name: tried
    match: {tier: beta}
    exact: true
    limits: [{requests: 1, per: 10s}]
    learning: true
    when_full: deny
)";

class EngineService final : public CheckService {
 public:
  EngineService() : engine_(options(), rules(), now_) {}

  /// Before each input.
  void move_on() {
    now_ += std::chrono::milliseconds(700);
    wall_ += std::chrono::milliseconds(700);
    engine_.on_tick(now_, wall_, effects_);
  }

  Decision decide(const Request& request) override { return engine_.decide(request, now_, wall_); }
  WallTime decided_at() const override { return wall_; }
  std::string_view node_name() const override { return "fuzz"; }
  bool ready() const override { return true; }
  void on_failure(std::string_view what) override {
    std::fprintf(stderr, "deciding threw: %.*s\n", static_cast<int>(what.size()), what.data());
    std::abort();
  }

 private:
  struct Nowhere final : Effects {
    void send(Port, const Endpoint&, std::span<const std::byte>) override {}
    void notify(const Notice&) override {}
  };
  static EngineOptions options() {
    EngineOptions made;
    made.origin = OriginId{7};
    made.counters_max = 64;
    made.components_max = 128;
    return made;
  }
  static RuleSet rules() {
    auto file = parse_config(rules_text, "rules.yaml");
    REQUIRE_THAT(file.has_value());
    return std::move(file->rules);
  }

  Nowhere effects_;
  Instant now_{std::chrono::hours(1)};
  WallTime wall_{std::chrono::hours(500'000)};
  Engine engine_;
};

}  // namespace starling::fuzz
