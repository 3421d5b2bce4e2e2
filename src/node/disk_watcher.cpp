#include "node/disk_watcher.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "base/check.hpp"
#include "node/config_source.hpp"

namespace starling {
namespace {

Handle<uv_timer_t> make_timer(Loop& loop, void* owner) {
  auto timer = std::make_unique<uv_timer_t>();
  STARLING_CHECK(uv_timer_init(loop.get(), timer.get()) == 0);
  return adopt(std::move(timer), owner);
}

}  // namespace

struct DiskWatcher::Task {
  uv_work_t request{};
  DiskWatcher* owner = nullptr;  ///< for the loop's thread only

  std::string path;
  bool whatever_its_age = false;
  std::unique_ptr<Look> look;

  Directory directory;

  void run() {
    directory = Directory::of(path);
    look->run(whatever_its_age);
  }
};

DiskWatcher::Directory DiskWatcher::Directory::of(const std::string& watched_path) {
  Directory directory{.path = config_directory(watched_path)};
  struct stat found {};
  if (stat(directory.path.c_str(), &found) == 0) {
    directory.device = found.st_dev;
    directory.inode = found.st_ino;
  }
  return directory;
}

DiskWatcher::DiskWatcher(Loop& loop, Options options, Listener& listener)
    : loop_(loop),
      options_(std::move(options)),
      listener_(listener),
      settle_timer_(make_timer(loop, this)),
      look_timer_(make_timer(loop, this)) {}

DiskWatcher::~DiskWatcher() {
  if (looking_ == nullptr) return;
  looking_->owner = nullptr;
  // Succeeds if no thread has begun yet; the callback comes in any case, and frees it.
  uv_cancel(reinterpret_cast<uv_req_t*>(&looking_->request));
}

void DiskWatcher::look(bool whatever_its_age) {
  if (looking_ != nullptr) {
    look_again_ = true;
    look_again_whatever_ = look_again_whatever_ || whatever_its_age;
    return;
  }
  auto next = std::make_unique<Task>();
  next->owner = this;
  next->path = options_.path;
  next->whatever_its_age = whatever_its_age;
  next->look = listener_.next_look();
  const auto in_thread = [](uv_work_t* request) { reinterpret_cast<Task*>(request)->run(); };
  const auto in_loop = [](uv_work_t* request, int) {
    const std::unique_ptr<Task> done(reinterpret_cast<Task*>(request));
    if (done->owner != nullptr) done->owner->on_done(*done);
  };
  looking_ = next.release();
  STARLING_CHECK(uv_queue_work(loop_.get(), &looking_->request, in_thread, in_loop) == 0);
}

void DiskWatcher::on_done(Task& done) {
  looking_ = nullptr;
  listener_.remember(*done.look);
  if (!watched_ || *watched_ != done.directory) {
    watch(std::move(done.directory));
    // What changed between that look and this watch has raised no event.
    if (std::exchange(flooded_, false)) {
      concerned_ = true;
      look_in(options_.settle);
    } else if (watched_) {
      look(true);
    }
  }
  const auto interval = watched_ ? options_.look_every : options_.look_every_without_events;
  uv_timer_start(
      look_timer_.get(),
      [](uv_timer_t* timer) {
        if (auto* self = static_cast<DiskWatcher*>(timer->data)) self->look(false);
      },
      static_cast<std::uint64_t>(interval.count()), 0);
  if (std::exchange(look_again_, false)) look(std::exchange(look_again_whatever_, false));
  listener_.tell(*done.look, looking_ == nullptr);  // last, because the listener may destroy this
}

void DiskWatcher::watch(Directory directory) {
  auto events = std::make_unique<uv_fs_event_t>();
  STARLING_CHECK(uv_fs_event_init(loop_.get(), events.get()) == 0);
  events_ = adopt(std::move(events), this);
  const auto on_change = [](uv_fs_event_t* handle, const char* name, int, int) {
    if (auto* self = static_cast<DiskWatcher*>(handle->data)) self->on_event(name);
  };
  const int error = uv_fs_event_start(events_.get(), on_change, directory.path.c_str(), 0);
  if (error == 0) {
    watched_ = std::move(directory);
    loss_told_ = false;
    return;
  }
  watched_.reset();
  if (std::exchange(loss_told_, true)) return;
  listener_.on_watch_lost(fmt::format("{}: {}", directory.path, uv_strerror(error)),
                          options_.look_every_without_events);
}

void DiskWatcher::on_event(const char* name) {
  // Without a name, or about the directory itself, it can mean anything.
  const bool too_many = ++events_count_ > events_per_look_max;
  concerned_ = concerned_ || too_many || name == nullptr || listener_.concerns(name);
  const Instant now = Loop::now();
  if (!unsettled_since_) unsettled_since_ = now;
  const Instant due = std::min(now + options_.settle, *unsettled_since_ + options_.settle_max);
  look_in(std::max(due - now, Duration{}));
  if (!too_many) return;
  flooded_ = true;
  events_.reset();
  watched_.reset();
}

void DiskWatcher::look_in(Duration wait) {
  uv_timer_start(
      settle_timer_.get(),
      [](uv_timer_t* timer) {
        auto* self = static_cast<DiskWatcher*>(timer->data);
        if (self == nullptr) return;
        self->unsettled_since_.reset();
        self->events_count_ = 0;
        self->look(std::exchange(self->concerned_, false));
      },
      static_cast<std::uint64_t>(std::chrono::ceil<std::chrono::milliseconds>(wait).count()), 0);
}

}  // namespace starling
