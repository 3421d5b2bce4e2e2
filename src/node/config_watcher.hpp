/// Notices that the configuration on disk has changed, and reads it.
///
/// `DiskWatcher` says when to look. A look compares age and size of the files, and reads and parses only what
/// has changed, which takes about a second per MB. A text that was seen before is not parsed again, whatever
/// has touched it. Whoever needs a configuration in another shape, and long to make it, has that made there
/// too: by `Prepare`.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "node/config_source.hpp"
#include "node/disk_watcher.hpp"
#include "node/loop.hpp"

namespace starling {

class ConfigWatcher final : private DiskWatcher::Listener {
 public:
  /// What is left to be done in the loop once a configuration is in force.
  using Sequel = std::function<void()>;
  /// In a thread, perhaps beyond the watcher's end: what can be made of a configuration before it is in
  /// force.
  using Prepare = std::function<Sequel(const ConfigFile&)>;

  class Listener {
   public:
    /// The configuration has changed to this one; `sequel` is what was prepared of it, or does nothing. In
    /// this call and the next the watcher may be destroyed.
    virtual void on_config(ConfigFile config, Sequel sequel) = 0;
    /// It has changed to something that is none.
    virtual void on_bad_config(const ConfigProblems& problems) = 0;
    /// Changes are noticed by looking every `looked_at_every` only; told once until there are events again.
    virtual void on_watch_lost(const std::string& why, std::chrono::milliseconds looked_at_every) = 0;
    /// The disk was looked at as often as it was asked for, and what was found has been told.
    virtual void on_settled() {}

   protected:
    ~Listener() = default;
  };

  using Options = DiskWatcher::Options;

  /// Looks once at the disk as soon as the loop runs, for what changed since the owner has read `known`.
  /// `loop` and `listener` outlive the watcher.
  ConfigWatcher(Loop& loop, Options options, ConfigTexts known, Listener& listener, Prepare prepare = {});

  /// Reads the files now, whatever their age says. Only a change is reported.
  void look_now() { disk_.look(true); }

 private:
  /// What was on disk when somebody looked last.
  using Seen = tl::expected<ConfigTexts, ConfigProblems>;
  struct Look;

  std::unique_ptr<DiskWatcher::Look> next_look() override;
  void remember(DiskWatcher::Look& look) override;
  void tell(DiskWatcher::Look& look, bool settled) override;
  void on_watch_lost(const std::string& why, std::chrono::milliseconds looked_at_every) override;
  bool concerns(std::string_view name) const override;

  const std::string path_;
  const Prepare prepare_;
  Listener& listener_;
  std::string fingerprint_;
  std::shared_ptr<const Seen> seen_;
  DiskWatcher disk_;
};

}  // namespace starling
