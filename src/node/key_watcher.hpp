/// Notices that the key file has changed, and reads it.
///
/// It is a few hundred bytes, so each look reads it whole: no age has to be compared, and a mode that was
/// changed is seen too. A look compares what the file means, so keys are never kept as text.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "node/disk_watcher.hpp"
#include "node/loop.hpp"
#include "wire/key_ring.hpp"

namespace starling {

class KeyWatcher final : private DiskWatcher::Listener {
 public:
  class Listener {
   public:
    /// The file has changed to this. In this call and the next the watcher may be destroyed.
    virtual void on_keys(const wire::KeyRing& keys) = 0;
    /// It has changed to something that is no key file; `problem` is one line for people.
    virtual void on_bad_keys(const std::string& problem) = 0;
    /// See DiskWatcher::Listener.
    virtual void on_key_watch_lost(const std::string& why, std::chrono::milliseconds looked_at_every) = 0;
    /// The disk was looked at as often as it was asked for, and what was found has been told.
    virtual void on_keys_settled() {}

   protected:
    ~Listener() = default;
  };

  using Options = DiskWatcher::Options;

  /// Looks once at the disk as soon as the loop runs, for what changed since the owner has read `known`.
  /// `loop` and `listener` outlive the watcher.
  KeyWatcher(Loop& loop, Options options, wire::KeyRing known, Listener& listener);

  /// Only a change is reported.
  void look_now() { disk_.look(true); }

 private:
  /// What was on disk when somebody looked last.
  using Seen = tl::expected<wire::KeyRing, std::string>;
  struct Look;

  std::unique_ptr<DiskWatcher::Look> next_look() override;
  void remember(DiskWatcher::Look& look) override;
  void tell(DiskWatcher::Look& look, bool settled) override;
  void on_watch_lost(const std::string& why, std::chrono::milliseconds looked_at_every) override;
  bool concerns(std::string_view) const override { return true; }

  const std::string path_;
  Listener& listener_;
  std::shared_ptr<const Seen> seen_;
  DiskWatcher disk_;
};

}  // namespace starling
