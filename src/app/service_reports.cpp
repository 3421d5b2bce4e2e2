#include "app/service_reports.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <ctime>
#include <memory>

#include "base/check.hpp"

namespace starling {
namespace {

constexpr std::uint64_t ready_poll_ms = 20;
constexpr std::uint32_t refusals_max = 250;  ///< of READY=1, 5 s of them

Handle<uv_timer_t> make_timer(Loop& loop, void* owner) {
  auto timer = std::make_unique<uv_timer_t>();
  STARLING_CHECK(uv_timer_init(loop.get(), timer.get()) == 0);
  return adopt(std::move(timer), owner);
}

long long monotonic_us() {
  std::timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<long long>(now.tv_sec) * 1'000'000 + now.tv_nsec / 1000;
}

}  // namespace

ServiceReports::ServiceReports(Loop& loop, Node& node)
    : node_(node), manager_([](const char* name) { return std::getenv(name); }, getpid()), loop_(loop) {
  if (!manager_.is_there()) return;
  begin_to_tell_ready();
  const auto period = manager_.sign_of_life_every();
  if (!period) return;
  alive_timer_ = make_timer(loop, this);
  uv_timer_start(
      alive_timer_.get(),
      [](uv_timer_t* timer) {
        if (auto* self = static_cast<ServiceReports*>(timer->data)) self->manager_.tell("WATCHDOG=1");
      },
      0, static_cast<std::uint64_t>(period->count()));
}

void ServiceReports::begin_to_tell_ready() {
  refusals_ = 0;
  ready_timer_ = make_timer(loop_, this);
  uv_timer_start(
      ready_timer_.get(),
      [](uv_timer_t* timer) {
        if (auto* self = static_cast<ServiceReports*>(timer->data)) self->tell_ready();
      },
      0, ready_poll_ms);
}

void ServiceReports::tell_ready() {
  if (node_.state() != EngineState::ready) return;
  // Its queue is short, and without this word it would wait until it ends the node.
  if (!manager_.tell("READY=1\nSTATUS=ready") && ++refusals_ < refusals_max) return;
  ready_timer_.reset();
  told_ = Told::ready;
}

void ServiceReports::reloading() {
  // Before it was ready for the first time, the READY=1 that ends this would say more than is true.
  if (told_ != Told::ready && told_ != Told::reloading) return;
  told_ = Told::reloading;
  ready_timer_.reset();
  manager_.tell(
      fmt::format("RELOADING=1\nMONOTONIC_USEC={}\nSTATUS=reading the configuration", monotonic_us()));
}

void ServiceReports::reloaded() {
  if (told_ == Told::reloading && !ready_timer_) begin_to_tell_ready();
}

void ServiceReports::stopping() {
  ready_timer_.reset();
  told_ = Told::stopping;
  manager_.tell("STOPPING=1\nSTATUS=leaving: peers are told all counts, clients may finish");
}

}  // namespace starling
