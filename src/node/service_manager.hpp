/// What a service manager (systemd) is told: ready, reloading, stopping, still alive. One datagram with a few
/// words to the Unix socket that NOTIFY_SOCKET names; without that variable nobody is told anything. Source:
/// sd_notify(3), whose protocol is stable and needs no library.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace starling {

class ServiceManager {
 public:
  /// `environment` looks a variable up; null if it is not set. `own_pid`: for WATCHDOG_PID, which may mean
  /// another process.
  ServiceManager(const std::function<const char*(const char*)>& environment, long own_pid);

  bool is_there() const { return !socket_.empty(); }
  /// How often it wants to be told WATCHDOG=1: twice in the time after which it ends the process.
  std::optional<std::chrono::milliseconds> sign_of_life_every() const { return sign_of_life_every_; }

  /// "READY=1"; several assignments in lines. Never waits; a manager that does not listen is not told. False
  /// if so.
  bool tell(std::string_view state) const;

 private:
  std::string
      socket_;  ///< a path, or behind '@' a name in Linux's abstract namespace; empty: nobody is there
  std::optional<std::chrono::milliseconds> sign_of_life_every_;
};

}  // namespace starling
