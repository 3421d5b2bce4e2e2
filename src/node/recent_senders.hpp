/// The last few addresses from which something unwelcome came, for people who look for its source.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "base/endpoint.hpp"
#include "base/time.hpp"

namespace starling {

class RecentSenders {
 public:
  static constexpr std::size_t senders_max = 4;

  void add(const Address& from, Instant now) {
    auto found = std::find_if(kept_.begin(), kept_.end(),
                              [&](const Kept& kept) { return kept.is_used && kept.from == from; });
    if (found == kept_.end())
      found = std::min_element(kept_.begin(), kept_.end(), [](const Kept& a, const Kept& b) {
        return a.is_used != b.is_used ? !a.is_used : a.at < b.at;
      });
    *found = {.from = from, .at = now, .is_used = true};
  }

  /// Those of the last `within`, the latest first.
  std::vector<std::string> list(Duration within, Instant now) const {
    std::vector<Kept> sorted(kept_.begin(), kept_.end());
    std::sort(sorted.begin(), sorted.end(), [](const Kept& a, const Kept& b) { return a.at > b.at; });
    std::vector<std::string> out;
    for (const Kept& kept : sorted)
      if (kept.is_used && now - kept.at < within) out.push_back(kept.from.to_string());
    return out;
  }

 private:
  struct Kept {
    Address from;
    Instant at{};
    bool is_used = false;
  };
  std::array<Kept, senders_max> kept_;
};

}  // namespace starling
