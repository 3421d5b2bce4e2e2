/// Notices that something on disk has changed: the configuration, the keys of gossip.
///
/// What is watched is the directory, never the file: a watch follows the inode, and editors write a new file
/// and rename it over the old one. What a ConfigMap or Secret holds is a symlink through `..data`, and all
/// that ever happens there is that this symlink is renamed over. Events come in bursts, so the disk is
/// looked at when they have settled, and it is looked at for as long as the directory is not the one that is
/// watched any more (it was replaced as a whole).
///
/// Events are a promise to look soon, not the truth: some changes raise none (a symlink to elsewhere, a
/// network file system), and the kernel may have no watch left to give. So the disk is also looked at now and
/// then, which should be cheap.
///
/// Whoever writes thousands of files into the directory keeps neither the loop nor us busy: libuv reads
/// events until there are none, so after `events_per_look_max` of them the watch is given up until the next
/// look, which makes a new one.
///
/// A look runs in a thread of libuv's pool, for disks can be slow; the loop goes on meanwhile. One at a time.
#pragma once

#include <sys/types.h>
#include <uv.h>

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.hpp"
#include "node/handle.hpp"
#include "node/loop.hpp"

namespace starling {

class DiskWatcher {
 public:
  static constexpr std::size_t events_per_look_max = 1000;

  /// One look. It goes through a thread, so it holds copies only, and may outlive the watcher.
  class Look {
   public:
    virtual ~Look() = default;
    /// In a thread. `whatever_its_age`: the same age and size do not mean that nothing has changed.
    virtual void run(bool whatever_its_age) = 0;
  };

  class Listener {
   public:
    virtual std::unique_ptr<Look> next_look() = 0;
    /// For the next look to know; it may begin right after this.
    virtual void remember(Look& look) = 0;
    /// For people. In this call the watcher may be destroyed. `settled`: the disk was looked at as often as
    /// it was asked for.
    virtual void tell(Look& look, bool settled) = 0;
    /// Changes are noticed by looking every `looked_at_every` only; told once until there are events again.
    virtual void on_watch_lost(const std::string& why, std::chrono::milliseconds looked_at_every) = 0;
    /// True if a change of the entry `name` in the directory can be what is looked for.
    virtual bool concerns(std::string_view name) const = 0;

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

  /// `loop` and `listener` outlive the watcher. Begin with a `look`.
  DiskWatcher(Loop& loop, Options options, Listener& listener);
  ~DiskWatcher();
  DiskWatcher(const DiskWatcher&) = delete;
  DiskWatcher& operator=(const DiskWatcher&) = delete;

  /// Soon, when a look that is under way has ended.
  void look(bool whatever_its_age);

 private:
  struct Directory {
    std::string path;
    dev_t device = 0;
    ino_t inode = 0;

    static Directory of(const std::string& watched_path);
    friend bool operator==(const Directory&, const Directory&) = default;
  };
  struct Task;

  void watch(Directory directory);
  void on_event(const char* name);
  void look_in(Duration wait);
  void on_done(Task& done);

  Loop& loop_;
  const Options options_;
  Listener& listener_;

  Handle<uv_fs_event_t> events_;
  std::optional<Directory> watched_;  ///< nothing: there are no events
  bool loss_told_ = false;
  std::size_t events_count_ = 0;  ///< since the last look
  bool flooded_ = false;          ///< the watch was given up for too many

  Handle<uv_timer_t> settle_timer_;
  std::optional<Instant> unsettled_since_;
  bool concerned_ = false;  ///< one of the events was about our files
  Handle<uv_timer_t> look_timer_;

  Task* looking_ = nullptr;  ///< owned by the loop while a thread works on it
  bool look_again_ = false;
  bool look_again_whatever_ = false;
};

}  // namespace starling
