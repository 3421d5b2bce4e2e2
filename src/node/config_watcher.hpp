/// Notices that the configuration on disk has changed, and reads it.
///
/// What is watched is the directory, never the file: a watch follows the inode, and editors write a new file
/// and rename it over the old one. A ConfigMap's file is a symlink through `..data`, and all that ever
/// happens in its directory is that this symlink is renamed over. Events come in bursts, so the disk is
/// looked at when they have settled, and it is looked at for as long as the directory is not the one that is
/// watched any more (it was replaced as a whole).
///
/// Events are a promise to look soon, not the truth: some changes raise none (a symlink to elsewhere, a
/// network file system), and the kernel may have no watch left to give. So the disk is also looked at now and
/// then, cheaply, by age and size of the files.
///
/// Reading and parsing takes about a second per MB, in a thread of libuv's pool; the loop goes on meanwhile.
/// One look at a time. A text that was seen before is not parsed again, whatever has touched it.
#pragma once

#include <uv.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "base/time.hpp"
#include "node/config_source.hpp"
#include "node/handle.hpp"
#include "node/loop.hpp"

namespace starling {

class ConfigWatcher {
 public:
  class Listener {
   public:
    /// The configuration has changed to this one. In this call and the next the watcher may be destroyed.
    virtual void on_config(ConfigFile config) = 0;
    /// It has changed to something that is none.
    virtual void on_bad_config(const ConfigProblems& problems) = 0;
    /// Changes are noticed by looking every `looked_at_every` only; told once until there are events again.
    virtual void on_watch_lost(const std::string& why, std::chrono::milliseconds looked_at_every) = 0;
    /// The disk was looked at as often as it was asked for, and what was found has been told.
    virtual void on_settled() {}

   protected:
    ~Listener() = default;
  };

  struct Options {
    std::string path;                              ///< of the file or directory
    std::chrono::milliseconds settle{200};         ///< from the last event until the disk is looked at
    std::chrono::milliseconds settle_max{2'000};   ///< the same, from the first event
    std::chrono::milliseconds look_every{10'000};  ///< while there are events
    std::chrono::milliseconds look_every_without_events{2'000};
  };

  /// Looks once at the disk as soon as the loop runs, for what changed since the owner has read `known`.
  /// `loop` and `listener` outlive the watcher.
  ConfigWatcher(Loop& loop, Options options, ConfigTexts known, Listener& listener);
  ~ConfigWatcher();
  ConfigWatcher(const ConfigWatcher&) = delete;
  ConfigWatcher& operator=(const ConfigWatcher&) = delete;

  /// Reads the files now, whatever their age says. Only a change is reported.
  void look_now() { look(true); }

 private:
  /// What was on disk when somebody looked last.
  using Seen = tl::expected<ConfigTexts, ConfigProblems>;
  struct Directory {
    std::string path;
    dev_t device = 0;
    ino_t inode = 0;

    static Directory of(const std::string& config_path);
    friend bool operator==(const Directory&, const Directory&) = default;
  };
  struct Look;

  void watch(Directory directory);
  void on_event(const char* name);
  void look(bool whatever_its_age);
  void on_looked(Look& done);

  Loop& loop_;
  const Options options_;
  Listener& listener_;

  Handle<uv_fs_event_t> events_;
  std::optional<Directory> watched_;  ///< nothing: there are no events
  bool loss_told_ = false;

  Handle<uv_timer_t> settle_timer_;
  std::optional<Instant> unsettled_since_;
  bool concerned_ = false;  ///< one of the events was about our files
  Handle<uv_timer_t> look_timer_;

  Look* looking_ = nullptr;  ///< owned by the loop while a thread works on it
  bool look_again_ = false;
  bool look_again_whatever_ = false;
  std::string fingerprint_;
  std::shared_ptr<const Seen> seen_;
};

}  // namespace starling
