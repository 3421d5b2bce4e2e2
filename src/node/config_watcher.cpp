#include "node/config_watcher.hpp"

#include <utility>

namespace starling {

struct ConfigWatcher::Look final : DiskWatcher::Look {
  std::string path;
  std::string fingerprint;
  std::shared_ptr<const Seen> seen;  ///< before; then what is there now
  Prepare prepare;                   ///< may be empty
  std::optional<tl::expected<ConfigFile, ConfigProblems>> news;
  Sequel sequel = [] {};

  void run(bool whatever_its_age) override;
};

void ConfigWatcher::Look::run(bool whatever_its_age) {
  // Before reading: what changes while it is read looks different the next time.
  std::string fingerprint_now = config_fingerprint(path);
  const bool same_age = fingerprint_now == fingerprint;
  fingerprint = std::move(fingerprint_now);
  if (same_age && !whatever_its_age) return;
  Seen now = read_config_texts(path);
  if (now == *seen) return;
  news = now ? understand_config(*now) : tl::unexpected(now.error());
  if (*news && prepare) sequel = prepare(**news);
  seen = std::make_shared<const Seen>(std::move(now));
}

ConfigWatcher::ConfigWatcher(Loop& loop, Options options, ConfigTexts known, Listener& listener,
                             Prepare prepare)
    : path_(options.path),
      prepare_(std::move(prepare)),
      listener_(listener),
      seen_(std::make_shared<const Seen>(std::move(known))),
      disk_(loop, std::move(options), *this) {
  look_now();
}

std::unique_ptr<DiskWatcher::Look> ConfigWatcher::next_look() {
  auto next = std::make_unique<Look>();
  next->path = path_;
  next->fingerprint = fingerprint_;
  next->seen = seen_;
  next->prepare = prepare_;
  return next;
}

void ConfigWatcher::remember(DiskWatcher::Look& look) {
  auto& done = static_cast<Look&>(look);
  fingerprint_ = std::move(done.fingerprint);
  seen_ = std::move(done.seen);
}

void ConfigWatcher::tell(DiskWatcher::Look& look, bool settled) {
  auto& done = static_cast<Look&>(look);
  Listener& listener = listener_;  // which may destroy this
  if (done.news && *done.news)
    listener.on_config(std::move(**done.news), std::move(done.sequel));
  else if (done.news)
    listener.on_bad_config(done.news->error());
  if (settled) listener.on_settled();
}

void ConfigWatcher::on_watch_lost(const std::string& why, std::chrono::milliseconds looked_at_every) {
  listener_.on_watch_lost(why, looked_at_every);
}

bool ConfigWatcher::concerns(std::string_view name) const {
  return concerns_config(path_, name);
}

}  // namespace starling
