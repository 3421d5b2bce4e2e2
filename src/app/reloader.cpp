#include "app/reloader.hpp"

#include <utility>

#include "limiter/duration_text.hpp"

namespace starling {

Reloader::Reloader(Loop& loop, Node& node, Options options, ConfigTexts known, Log log)
    : node_(node),
      options_(std::move(options)),
      log_(std::move(log)),
      watcher_(loop, ConfigWatcher::Options{.path = options_.path}, std::move(known), *this,
               options_.prepare) {}

std::string Reloader::settings_changed(const LoadedSettings& loaded) const {
  std::string names;
  // Both are in the order of the table. A flag or variable that says otherwise is in both.
  for (std::size_t i = 0; i < loaded.views.size() && i < options_.settings.size(); ++i)
    if (loaded.views[i].value != options_.settings[i].value)
      names += (names.empty() ? "" : ", ") + loaded.views[i].name;
  return names;
}

void Reloader::on_config(ConfigFile config, ConfigWatcher::Sequel sequel) {
  const auto loaded = load_settings(options_.flags, options_.environment, config.settings, options_.path);
  if (!loaded) return on_bad_config({.lines = {loaded.error().message}});
  for (const ConfigError& warning : config.warnings) log_->warn("{}", warning.to_string());
  if (const std::string names = settings_changed(*loaded); !names.empty())
    log_->warn("settings: {} changed in {}; restart the node for that to hold", names, options_.path);
  const std::size_t count = config.rules.rules.size();
  node_.replace_rules(std::move(config.rules), config.has_rules ? options_.path : "built-in");
  sequel();
  log_->info({{"rules", count}, {"from", options_.path}}, "rules reloaded");
}

void Reloader::on_bad_config(const ConfigProblems& problems) {
  node_.reload_failed(problems.lines.front(), problems.is_missing);
  for (const std::string& line : problems.lines) log_->error("reload refused, the old rules stay: {}", line);
}

void Reloader::on_watch_lost(const std::string& why, std::chrono::milliseconds looked_at_every) {
  log_->warn(
      "no events for changes of the configuration ({}); looking every {} instead. If the reason is not "
      "the directory itself, raise fs.inotify.max_user_watches or max_user_instances",
      why, format_duration(looked_at_every));
}

}  // namespace starling
