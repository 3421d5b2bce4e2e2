#include "node/key_watcher.hpp"

#include <utility>

#include "node/key_file.hpp"

namespace starling {

struct KeyWatcher::Look final : DiskWatcher::Look {
  std::string path;
  std::shared_ptr<const Seen> seen;  ///< before; then what is there now
  bool is_news = false;

  void run(bool) override {
    Seen now = read_key_file(path);
    is_news = now != *seen;
    if (is_news) seen = std::make_shared<const Seen>(std::move(now));
  }
};

KeyWatcher::KeyWatcher(Loop& loop, Options options, wire::KeyRing known, Listener& listener)
    : path_(options.path),
      listener_(listener),
      seen_(std::make_shared<const Seen>(std::move(known))),
      disk_(loop, std::move(options), *this) {
  look_now();
}

std::unique_ptr<DiskWatcher::Look> KeyWatcher::next_look() {
  auto next = std::make_unique<Look>();
  next->path = path_;
  next->seen = seen_;
  return next;
}

void KeyWatcher::remember(DiskWatcher::Look& look) {
  seen_ = static_cast<Look&>(look).seen;
}

void KeyWatcher::tell(DiskWatcher::Look& look, bool settled) {
  const auto& done = static_cast<const Look&>(look);
  Listener& listener = listener_;  // which may destroy this
  if (done.is_news && *done.seen)
    listener.on_keys(**done.seen);
  else if (done.is_news)
    listener.on_bad_keys(done.seen->error());
  if (settled) listener.on_keys_settled();
}

void KeyWatcher::on_watch_lost(const std::string& why, std::chrono::milliseconds looked_at_every) {
  listener_.on_key_watch_lost(why, looked_at_every);
}

}  // namespace starling
