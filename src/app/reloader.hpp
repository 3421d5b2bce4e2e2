/// Puts a changed configuration into force, or refuses it whole.
///
/// Rules change while the node runs; settings do not. A file with one mistake, in its settings too, changes
/// nothing: the running rules stay, the log and `/v1/status` say why, and the node stays ready, because the
/// rules it has are as good as before.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "node/config_watcher.hpp"
#include "node/log.hpp"
#include "node/node.hpp"
#include "node/settings.hpp"

namespace starling {

class Reloader final : private ConfigWatcher::Listener {
 public:
  struct Options {
    std::string path;
    std::map<std::string, std::string> flags;
    Environment environment;
    std::vector<SettingView> settings;  ///< in force
    std::function<void()> on_settled;   ///< whatever was to be read has been, and is in force or refused
    ConfigWatcher::Prepare prepare;     ///< of rules that may come into force
  };

  /// `loop` and `node` outlive this.
  /// `known`: the texts with which the node was started.
  Reloader(Loop& loop, Node& node, Options options, ConfigTexts known, Log log);

  void reload_now() { watcher_.look_now(); }

 private:
  void on_config(ConfigFile config, ConfigWatcher::Sequel sequel) override;
  void on_bad_config(const ConfigProblems& problems) override;
  void on_settled() override { options_.on_settled(); }
  void on_watch_lost(const std::string& why, std::chrono::milliseconds looked_at_every) override;
  /// Those of which the file says something else now.
  std::string settings_changed(const LoadedSettings& loaded) const;

  Node& node_;
  const Options options_;
  Log log_;
  ConfigWatcher watcher_;
};

}  // namespace starling
