#include "app/key_reloader.hpp"

#include <utility>

#include "limiter/duration_text.hpp"
#include "node/key_file.hpp"

namespace starling {

KeyReloader::KeyReloader(Loop& loop, Node& node, Options options, wire::KeyRing known, Log log)
    : node_(node),
      options_(std::move(options)),
      log_(std::move(log)),
      watcher_(loop, KeyWatcher::Options{.path = options_.path}, std::move(known), *this) {}

void KeyReloader::on_keys(const wire::KeyRing& keys) {
  node_.replace_keys(keys);
  log_->info({{"keys", to_text(keys)}, {"from", options_.path}}, "keys of gossip changed");
}

void KeyReloader::on_bad_keys(const std::string& problem) {
  node_.keys_refused(problem);
  log_->error("key file refused, the old keys stay: {}", problem);
}

void KeyReloader::on_key_watch_lost(const std::string& why, std::chrono::milliseconds looked_at_every) {
  log_->warn(
      "no events for changes of the key file ({}); looking every {} instead. If the reason is not the "
      "directory itself, raise fs.inotify.max_user_watches or max_user_instances",
      why, format_duration(looked_at_every));
}

}  // namespace starling
