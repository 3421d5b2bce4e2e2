/// Puts a changed key file into force, or refuses it whole: the old keys stay, the log and `/v1/status` say
/// why, and the node goes on as before, because the keys it has are as good as before.
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "node/key_watcher.hpp"
#include "node/log.hpp"
#include "node/node.hpp"

namespace starling {

class KeyReloader final : private KeyWatcher::Listener {
 public:
  struct Options {
    std::string path;
    std::function<void()> on_settled;  ///< whatever was to be read has been, and is in force or refused
  };

  /// `loop` and `node` outlive this. `known`: the keys with which the node was started.
  KeyReloader(Loop& loop, Node& node, Options options, wire::KeyRing known, Log log);

  void reload_now() { watcher_.look_now(); }

 private:
  void on_keys(const wire::KeyRing& keys) override;
  void on_bad_keys(const std::string& problem) override;
  void on_key_watch_lost(const std::string& why, std::chrono::milliseconds looked_at_every) override;
  void on_keys_settled() override { options_.on_settled(); }

  Node& node_;
  const Options options_;
  Log log_;
  KeyWatcher watcher_;
};

}  // namespace starling
