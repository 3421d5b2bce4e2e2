/// `Engine` of the public API: the engine inside, with plain numbers for time and addresses.
#include "engine/engine.hpp"

#include <starling/engine.hpp>

#include <exception>
#include <new>
#include <utility>

#include "embed/options_reader.hpp"
#include "embed/public_view.hpp"

namespace starling::embed {
namespace {

Instant instant_of(Time now) {
  return Instant(Duration(now.monotonic_ns));
}

WallTime wall_of(Time now) {
  return WallTime(WallClock::duration(now.wall_ms));
}

starling::Endpoint inside(const Endpoint& endpoint) {
  return {.address = {.bytes = endpoint.address, .scope = endpoint.scope}, .port = endpoint.port};
}

Endpoint outside(const starling::Endpoint& endpoint) {
  return {.address = endpoint.address.bytes, .scope = endpoint.address.scope, .port = endpoint.port};
}

std::string_view name_of(Notice::Kind kind) {
  switch (kind) {
    case Notice::Kind::peer_alive:
      return "peer_alive";
    case Notice::Kind::peer_suspect:
      return "peer_suspect";
    case Notice::Kind::peer_dead:
      return "peer_dead";
    case Notice::Kind::peer_left:
      return "peer_left";
    case Notice::Kind::peer_forgotten:
      return "peer_forgotten";
    case Notice::Kind::became_ready:
      return "became_ready";
    case Notice::Kind::join_timed_out:
      return "join_timed_out";
    case Notice::Kind::counter_table_full:
      return "counter_table_full";
    case Notice::Kind::peer_table_full:
      return "peer_table_full";
    case Notice::Kind::clock_skew:
      return "clock_skew";
    case Notice::Kind::own_origin_from_afar:
      return "own_origin_from_afar";
    case Notice::Kind::override_set:
      return "override_set";
    case Notice::Kind::override_cleared:
      return "override_cleared";
    case Notice::Kind::override_expired:
      return "override_expired";
    case Notice::Kind::overrides_taken_in:
      return "overrides_taken_in";
    case Notice::Kind::overrides_refused:
      return "overrides_refused";
  }
  return "unknown";
}

/// The caller's effects, as the engine inside knows them.
class Outlet final : public starling::Effects {
 public:
  explicit Outlet(embed::Effects& callers) : callers_(callers) {}
  void send(starling::Port via, const starling::Endpoint& to, std::span<const std::byte> datagram) override {
    callers_.send(via == starling::Port::sync ? Port::sync : Port::heartbeat, outside(to), datagram);
  }
  void notify(const Notice& notice) override { callers_.notify(name_of(notice.kind), notice.name); }

 private:
  embed::Effects& callers_;
};

}  // namespace

std::optional<Endpoint> Endpoint::parse(std::string_view text, std::uint16_t port) {
  const auto address = Address::parse(text);
  if (!address) return std::nullopt;
  return outside(starling::Endpoint{.address = *address, .port = port});
}

std::string Endpoint::to_string() const {
  return inside(*this).to_string();
}

void Effects::notify(std::string_view, std::string_view) {}

struct Engine::Impl {
  EngineOptions options;
  std::unique_ptr<starling::Engine> engine = nullptr;
  std::uint64_t failed = 0;
};

Engine::Engine(EngineOptions options) : impl_(std::make_unique<Impl>(Impl{.options = std::move(options)})) {}
Engine::~Engine() = default;

Error Engine::start(Time now) {
  if (impl_->engine) return Error("expected a fresh engine, found one that was started before");
  try {
    auto plan = read_options(impl_->options);
    if (!plan) return Error(std::move(plan.error()));
    impl_->engine =
        std::make_unique<starling::Engine>(std::move(plan->options), std::move(plan->rules), instant_of(now));
    return {};
  } catch (const std::bad_alloc&) {
    return Error("max-counters: cannot reserve memory for so many counters; choose fewer");
  } catch (const std::exception& problem) {
    return Error(problem.what());
  }
}

Decision Engine::decide(const Request& request, Time now) noexcept {
  if (!impl_->engine) return {};
  try {
    return impl_->engine->decide(request, instant_of(now), wall_of(now));
  } catch (...) {
    ++impl_->failed;
    return {};
  }
}

std::string_view Engine::on_datagram(const Endpoint& from, Port to, std::span<const std::byte> bytes,
                                     Time now, Effects& effects) {
  if (!impl_->engine) return "idle";
  Outlet outlet(effects);
  const auto outcome = impl_->engine->on_datagram(
      inside(from), to == Port::sync ? starling::Port::sync : starling::Port::heartbeat, bytes,
      instant_of(now), wall_of(now), outlet);
  return outcome ? std::string_view() : starling::name(outcome.error().code);
}

void Engine::on_resolved(std::span<const Endpoint> neighborhood, Time now, Effects& effects) {
  if (!impl_->engine) return;
  std::vector<starling::Endpoint> candidates;
  candidates.reserve(neighborhood.size());
  for (const Endpoint& endpoint : neighborhood) candidates.push_back(inside(endpoint));
  Outlet outlet(effects);
  impl_->engine->on_resolved(candidates, instant_of(now), outlet);
}

void Engine::on_tick(Time now, Effects& effects) {
  if (!impl_->engine) return;
  Outlet outlet(effects);
  impl_->engine->on_tick(instant_of(now), wall_of(now), outlet);
}

std::int64_t Engine::next_deadline_ns() const noexcept {
  return impl_->engine ? impl_->engine->next_deadline().time_since_epoch().count() : never_ns;
}

Error Engine::replace_rules(std::string_view yaml) {
  if (!impl_->engine) return Error("expected a running engine, found one that is not started");
  try {
    auto file = read_rules(yaml);
    if (!file) return Error(std::move(file.error()));
    impl_->engine->replace_rules(std::move(file->rules));
    return {};
  } catch (const std::exception& problem) {
    return Error(problem.what());
  }
}

void Engine::leave(std::int64_t deadline_ns, Time now, Effects& effects) {
  if (!impl_->engine) return;
  Outlet outlet(effects);
  impl_->engine->begin_leave(instant_of(now), outlet);
  impl_->engine->finish_leave(Instant(Duration(deadline_ns)));
}

State Engine::state() const noexcept {
  return impl_->engine ? state_of(impl_->engine->state()) : State::idle;
}

std::vector<Peer> Engine::peers(Time now) const {
  return impl_->engine ? peers_of(impl_->engine->peers(instant_of(now))) : std::vector<Peer>{};
}

Counts Engine::counts() const {
  if (!impl_->engine) return {};
  Counts counts = counts_of(impl_->engine->counts(), impl_->engine->rules());
  counts.failed = impl_->failed;
  return counts;
}

}  // namespace starling::embed
