/// What becomes of the peers, in the log: a line for each change of state.
///
/// A peer that comes and goes without end (a bad link, a container that crashes in a loop) would fill the log
/// with itself. So an address has a few lines a minute; what is beyond them is counted, and told in one line
/// when the minute is over. Peers are told apart by address, for each of their lives has an origin of its
/// own. Many peers at once, as when a cluster starts, all have their lines.
///
/// Sans-IO: time comes in, and whoever owns this calls `tend` now and then.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/endpoint.hpp"
#include "base/time.hpp"
#include "node/log.hpp"

namespace starling {

class PeerLog {
 public:
  static constexpr Duration minute = std::chrono::minutes(1);
  static constexpr std::size_t lines_per_address_max = 6;  ///< a minute
  static constexpr std::size_t addresses_max = 1'024;      ///< with lines of their own, a minute
  static constexpr std::size_t summed_max = 16;            ///< addresses with a line in the end, a minute

  struct Change {
    LogLevel level = LogLevel::info;
    std::string_view what;  ///< static text
    std::string_view name;
    std::string origin;
    Endpoint address;
  };

  explicit PeerLog(Log log) : log_(std::move(log)) {}

  void say(const Change& change, Instant now);
  void tend(Instant now);

 private:
  struct Row {
    std::size_t lines = 0;
    std::uint64_t unsaid = 0;
    std::string_view last;  ///< of those
    std::string name;
  };

  void tell_sums();

  Log log_;
  std::map<Endpoint, Row> rows_;  ///< of this minute
  std::uint64_t unsaid_of_others_ = 0;
  Instant minute_ends_{};
};

}  // namespace starling
