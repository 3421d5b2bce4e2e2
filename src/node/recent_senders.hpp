/// The last few addresses from which something unwelcome came, for people who look for its source.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/endpoint.hpp"
#include "base/time.hpp"

namespace starling {

class RecentSenders {
 public:
  static constexpr std::size_t senders_max = 4;

  struct Sender {
    Address from;
    std::uint32_t detail = 0;  ///< what it was about

    friend bool operator==(const Sender&, const Sender&) = default;
  };

  void add(const Address& from, Instant now, std::uint32_t detail = 0) {
    const Sender sender{from, detail};
    auto found = std::find_if(kept_.begin(), kept_.end(),
                              [&](const Kept& kept) { return kept.is_used && kept.sender == sender; });
    if (found == kept_.end())
      found = std::min_element(kept_.begin(), kept_.end(), [](const Kept& a, const Kept& b) {
        return a.is_used != b.is_used ? !a.is_used : a.at < b.at;
      });
    *found = {.sender = sender, .at = now, .is_used = true};
  }

  /// Those of the last `within`, the latest first.
  std::vector<Sender> senders(Duration within, Instant now) const {
    std::vector<Kept> sorted(kept_.begin(), kept_.end());
    std::sort(sorted.begin(), sorted.end(), [](const Kept& a, const Kept& b) { return a.at > b.at; });
    std::vector<Sender> out;
    for (const Kept& kept : sorted)
      if (kept.is_used && now - kept.at < within) out.push_back(kept.sender);
    return out;
  }
  /// Their addresses.
  std::vector<std::string> list(Duration within, Instant now) const {
    std::vector<std::string> out;
    for (const Sender& sender : senders(within, now)) out.push_back(sender.from.to_string());
    return out;
  }

 private:
  struct Kept {
    Sender sender;
    Instant at{};
    bool is_used = false;
  };
  std::array<Kept, senders_max> kept_;
};

}  // namespace starling
