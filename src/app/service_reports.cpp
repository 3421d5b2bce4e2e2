#include "app/service_reports.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <memory>

#include "base/check.hpp"

namespace starling {
namespace {

constexpr std::uint64_t ready_poll_ms = 20;

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
    : node_(node), manager_([](const char* name) { return std::getenv(name); }, getpid()) {
  if (!manager_.is_there()) return;
  ready_timer_ = make_timer(loop, this);
  uv_timer_start(
      ready_timer_.get(),
      [](uv_timer_t* timer) {
        if (auto* self = static_cast<ServiceReports*>(timer->data)) self->look_whether_ready();
      },
      0, ready_poll_ms);
  if (!manager_.watchdog()) return;
  alive_timer_ = make_timer(loop, this);
  const auto period_ms =
      static_cast<std::uint64_t>(std::max<std::int64_t>(manager_.watchdog()->count() / 2000, 1));
  uv_timer_start(
      alive_timer_.get(),
      [](uv_timer_t* timer) {
        if (auto* self = static_cast<ServiceReports*>(timer->data)) self->manager_.tell("WATCHDOG=1");
      },
      0, period_ms);
}

void ServiceReports::look_whether_ready() {
  if (node_.state() != EngineState::ready) return;
  ready_timer_.reset();
  manager_.tell("READY=1\nSTATUS=ready");
}

void ServiceReports::reloading() {
  if (!ready_timer_) manager_.tell(fmt::format("RELOADING=1\nMONOTONIC_USEC={}", monotonic_us()));
}

void ServiceReports::reloaded() {
  // Before it was ready for the first time, READY=1 would say more than is true.
  if (!ready_timer_) manager_.tell("READY=1");
}

void ServiceReports::stopping() {
  ready_timer_.reset();
  manager_.tell("STOPPING=1\nSTATUS=leaving: peers are told all counts, clients may finish");
}

}  // namespace starling
