/// One live override with its story, as it is kept and handed on: who changed it when, and how it ends.
///
/// What is taken back is not removed but marked (a tombstone), for a node that had not heard of it would hand
/// the old value out again. An override that has expired is a tombstone as well: it replaced an older value
/// that may still be known somewhere. Both are kept 24 hours past their end; a node that was cut off for
/// longer may bring an old value back.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/keyed_hash.hpp"
#include "base/time.hpp"
#include "limiter/live_override.hpp"
#include "live/hybrid_clock.hpp"
#include "wire/messages.hpp"

namespace starling {

struct LiveEntry {
  LiveOverride what;
  Stamp stamp;
  bool deleted = false;
  std::optional<WallTime> expires_at;
  std::string set_by;  ///< who, as the client said
  std::string set_on;  ///< name of the node that took it

  static constexpr std::uint64_t grace_ms = std::chrono::milliseconds(std::chrono::hours(24)).count();

  bool holds_at(WallTime wall) const { return !deleted && (!expires_at || wall < *expires_at); }
  /// From then on nobody keeps it, or takes it in. Nothing: for ever.
  std::optional<std::uint64_t> gone_ms() const {
    if (deleted) return stamp.wall_ms + grace_ms;
    if (!expires_at) return std::nullopt;
    return std::max(ms_since_epoch(*expires_at), stamp.wall_ms) + grace_ms;
  }

  friend bool operator==(const LiveEntry&, const LiveEntry&) = default;
};

/// What an override must not be. The text for people is made in `node`.
enum class LiveFlaw : std::uint8_t {
  none,
  rule_missing,      ///< limits of no rule
  limits_missing,    ///< neither limits nor unlimited
  both_limits,       ///< limits, and unlimited
  unwanted_limits,   ///< limits, or unlimited, of another kind than `limits`
  limits_count,      ///< too many
  window,            ///< outside its bounds
  window_twice,      ///< two limits of one window
  requests,          ///< outside its bounds
  caller_missing,    ///< enforcing or ignoring: whom?
  two_callers,       ///< a principal and a match
  unwanted_caller,   ///< learning is of a rule, not of a caller
  limits_principal,  ///< limits name their callers by `match`
  match_count,       ///< too many keys
  match_order,       ///< keys empty, not sorted or twice
  text_length,       ///< a name or value is too long
  text_characters,   ///< no UTF-8, or control characters
  size,              ///< all of it together is too long
};
inline constexpr std::size_t live_flaws_count = static_cast<std::size_t>(LiveFlaw::size) + 1;

/// What is wrong with the subject, and what with all of it.
LiveFlaw flaw_of_subject(const LiveOverride& what);
LiveFlaw flaw_of(const LiveEntry& entry);

wire::OverrideEntry to_wire(const LiveEntry& entry);
LiveEntry from_wire(const wire::OverrideEntry& entry);

/// Where an override stands among all, by what it is about: a hash, never 0.
std::uint64_t place_of(const LiveOverride& subject, const KeyedHash& hash);
/// Of everything in it.
std::uint64_t digest_of(const LiveEntry& entry, const KeyedHash& hash);

/// By kind, rule and whom it is about.
bool in_reading_order(const LiveOverride& a, const LiveOverride& b);

}  // namespace starling
