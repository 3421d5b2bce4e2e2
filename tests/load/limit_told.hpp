/// What an answer tells of the limit that is looked at: by HTTP the body that `explain=1` asks for, by gRPC
/// the status of the descriptor. Only HTTP tells the window; by gRPC it follows from how long it still lasts.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace starling::load {

struct LimitName {
  std::string rule;           ///< as in JSON, without the quotes
  std::int64_t window_s = 0;  ///< 0: no limit is looked at
};

struct LimitTold {
  std::uint64_t limit = 0;
  std::int64_t window = 0;
  bool allowed = false;
};

/// None if the answer does not tell of that limit.
std::optional<LimitTold> limit_told_by_http(std::string_view answer, const LimitName& name);

/// `decided_s`: the wall clock halfway between asking and the answer.
std::optional<LimitTold> limit_told_by_grpc(std::string_view message, std::int64_t window_s,
                                            double decided_s);

/// The window that ends about `reset_s` whole seconds (rounded up) after `now_s`. A clock that is wrong by
/// less than half a window does no harm, unless the window is one second, which says nothing beyond what the
/// clock does.
std::int64_t window_by_reset(std::int64_t reset_s, std::int64_t window_s, double now_s);

}  // namespace starling::load
