#include "node/config_watcher.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "base/check.hpp"

namespace starling {
namespace {

Handle<uv_timer_t> make_timer(Loop& loop, void* owner) {
  auto timer = std::make_unique<uv_timer_t>();
  STARLING_CHECK(uv_timer_init(loop.get(), timer.get()) == 0);
  return adopt(std::move(timer), owner);
}

}  // namespace

/// One look at the disk. It goes through a thread, so it holds copies only, and may outlive the watcher.
struct ConfigWatcher::Look {
  uv_work_t request{};
  ConfigWatcher* owner = nullptr;  ///< for the loop's thread only

  std::string path;
  bool whatever_its_age = false;
  std::string fingerprint;
  std::shared_ptr<const Seen> seen;  ///< before; then what is there now

  Directory directory;
  std::optional<tl::expected<ConfigFile, ConfigProblems>> news;

  void run();
};

void ConfigWatcher::Look::run() {
  directory = Directory::of(path);
  // Before reading: what changes while it is read looks different the next time.
  std::string fingerprint_now = config_fingerprint(path);
  const bool same_age = fingerprint_now == fingerprint;
  fingerprint = std::move(fingerprint_now);
  if (same_age && !whatever_its_age) return;
  Seen now = read_config_texts(path);
  if (now == *seen) return;
  news = now ? understand_config(*now) : tl::unexpected(now.error());
  seen = std::make_shared<const Seen>(std::move(now));
}

ConfigWatcher::Directory ConfigWatcher::Directory::of(const std::string& config_path) {
  Directory directory{.path = config_directory(config_path)};
  struct stat found {};
  if (stat(directory.path.c_str(), &found) == 0) {
    directory.device = found.st_dev;
    directory.inode = found.st_ino;
  }
  return directory;
}

ConfigWatcher::ConfigWatcher(Loop& loop, Options options, ConfigTexts known, Listener& listener)
    : loop_(loop),
      options_(std::move(options)),
      listener_(listener),
      settle_timer_(make_timer(loop, this)),
      look_timer_(make_timer(loop, this)),
      seen_(std::make_shared<const Seen>(std::move(known))) {
  look(true);
}

ConfigWatcher::~ConfigWatcher() {
  if (looking_ == nullptr) return;
  looking_->owner = nullptr;
  // Succeeds if no thread has begun yet; the callback comes in any case, and frees it.
  uv_cancel(reinterpret_cast<uv_req_t*>(&looking_->request));
}

void ConfigWatcher::look(bool whatever_its_age) {
  if (looking_ != nullptr) {
    look_again_ = true;
    look_again_whatever_ = look_again_whatever_ || whatever_its_age;
    return;
  }
  auto next = std::make_unique<Look>();
  next->owner = this;
  next->path = options_.path;
  next->whatever_its_age = whatever_its_age;
  next->fingerprint = fingerprint_;
  next->seen = seen_;
  const auto in_thread = [](uv_work_t* request) { reinterpret_cast<Look*>(request)->run(); };
  const auto in_loop = [](uv_work_t* request, int) {
    const std::unique_ptr<Look> done(reinterpret_cast<Look*>(request));
    if (done->owner != nullptr) done->owner->on_looked(*done);
  };
  looking_ = next.release();
  STARLING_CHECK(uv_queue_work(loop_.get(), &looking_->request, in_thread, in_loop) == 0);
}

void ConfigWatcher::on_looked(Look& done) {
  looking_ = nullptr;
  fingerprint_ = std::move(done.fingerprint);
  seen_ = std::move(done.seen);
  if (!watched_ || *watched_ != done.directory) {
    watch(std::move(done.directory));
    // What changed between that look and this watch has raised no event.
    if (watched_) look(true);
  }
  const auto interval = watched_ ? options_.look_every : options_.look_every_without_events;
  uv_timer_start(
      look_timer_.get(),
      [](uv_timer_t* timer) {
        if (auto* self = static_cast<ConfigWatcher*>(timer->data)) self->look(false);
      },
      static_cast<std::uint64_t>(interval.count()), 0);
  if (std::exchange(look_again_, false)) look(std::exchange(look_again_whatever_, false));
  // Last, because the listener may destroy this.
  Listener& listener = listener_;
  const bool settled = looking_ == nullptr;
  if (done.news && *done.news)
    listener.on_config(std::move(**done.news));
  else if (done.news)
    listener.on_bad_config(done.news->error());
  if (settled) listener.on_settled();
}

void ConfigWatcher::watch(Directory directory) {
  auto events = std::make_unique<uv_fs_event_t>();
  STARLING_CHECK(uv_fs_event_init(loop_.get(), events.get()) == 0);
  events_ = adopt(std::move(events), this);
  const auto on_change = [](uv_fs_event_t* handle, const char* name, int, int) {
    if (auto* self = static_cast<ConfigWatcher*>(handle->data)) self->on_event(name);
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

void ConfigWatcher::on_event(const char* name) {
  // Without a name, or about the directory itself, it can mean anything.
  concerned_ = concerned_ || name == nullptr || concerns_config(options_.path, name);
  const Instant now = Loop::now();
  if (!unsettled_since_) unsettled_since_ = now;
  const Instant due = std::min(now + options_.settle, *unsettled_since_ + options_.settle_max);
  const auto wait = std::chrono::ceil<std::chrono::milliseconds>(std::max(due - now, Duration{}));
  uv_timer_start(
      settle_timer_.get(),
      [](uv_timer_t* timer) {
        auto* self = static_cast<ConfigWatcher*>(timer->data);
        if (self == nullptr) return;
        self->unsettled_since_.reset();
        self->look(std::exchange(self->concerned_, false));
      },
      static_cast<std::uint64_t>(wait.count()), 0);
}

}  // namespace starling
