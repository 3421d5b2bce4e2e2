#include "embed/stopper.hpp"

#include <memory>
#include <utility>

#include "base/check.hpp"

namespace starling::embed {

struct Stopper::Echo {
  uv_timer_t handle{};
  Stopper* owner = nullptr;
  bool is_second = false;

  /// A timer that is never started: there is nothing but its closing.
  void close(uv_loop_t* loop) {
    STARLING_CHECK(uv_timer_init(loop, &handle) == 0);
    handle.data = this;
    uv_close(reinterpret_cast<uv_handle_t*>(&handle),
             [](uv_handle_t* closed) { static_cast<Echo*>(closed->data)->on_closed(); });
  }

  void on_closed() {
    if (owner != nullptr && !std::exchange(is_second, true)) return close(handle.loop);
    const std::unique_ptr<Echo> self(this);
    if (owner == nullptr) return;
    owner->echo_ = nullptr;
    const auto told = std::move(owner->on_closed_);
    told();  // the last thing: it may destroy the owner
  }
};

Stopper::Stopper(Loop& loop, std::function<bool()> has_left, std::function<void()> on_closed)
    : loop_(loop), has_left_(std::move(has_left)), on_closed_(std::move(on_closed)) {
  auto timer = std::make_unique<uv_timer_t>();
  STARLING_CHECK(uv_timer_init(loop_.get(), timer.get()) == 0);
  timer_ = adopt(std::move(timer), this);
  uv_timer_start(
      timer_.get(),
      [](uv_timer_t* handle) {
        if (auto* self = static_cast<Stopper*>(handle->data)) self->on_poll();
      },
      0, poll_ms);
}

Stopper::~Stopper() {
  if (echo_ != nullptr) echo_->owner = nullptr;
}

void Stopper::on_poll() {
  if (!has_left_()) return;
  timer_.reset();
  echo_ = std::make_unique<Echo>(Echo{.owner = this}).release();  // its own callback takes it back
  echo_->close(loop_.get());
}

}  // namespace starling::embed
