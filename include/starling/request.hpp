/// What a front end asks, and what it gets back.
///
/// The words are those of Envoy's Rate Limit Service: a request names a domain and carries one or more
/// descriptors, each a list of key/value entries. Everything here is a view: whoever asks owns the bytes and
/// keeps them alive for the length of the call.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace starling {

/// One key and its value: what a rule's `match` looks at.
struct Entry {
  std::string_view key;    ///< such as `principal`
  std::string_view value;  ///< may be empty
};

/// A limit that a descriptor brings along, in the place of those of the rules (Envoy's
/// `RateLimitDescriptor.limit`): its entries, all of them, have a counter of their own.
struct RequestLimit {
  std::uint64_t requests = 0;  ///< hits per window
  std::uint32_t window_s = 1;  ///< in seconds, from 1 to 366 days
};

/// What is known of a caller. Rules match each descriptor for itself.
struct Descriptor {
  std::span<const Entry> entries = {};  ///< keys should be unique: of a key that comes again the first counts
  std::optional<RequestLimit> limit = {};  ///< nothing: the limits of the rules
  std::optional<std::uint64_t> hits = {};  ///< nothing: those of the request; 0 only looks
};

/// The question: may this pass?
struct Request {
  std::string_view domain = {};  ///< empty: the domain of the rules file
  /// At most `descriptors_per_request_max`; the limits of all of them must allow it.
  std::span<const Descriptor> descriptors = {};
  std::uint64_t hits = 1;  ///< cost of the request, in hits; 0 only looks
};

/// Why a limit does not allow a request.
enum class Denial : std::uint8_t {
  none,       ///< it does allow it
  limit,      ///< used up
  share,      ///< this node's part of the neighborhood has used up its share (`when_isolated: share`)
  held_back,  ///< there is room, but the peers cannot know yet what this node has spent (`admission:
              ///< guarded`)
  isolated,   ///< no peer can be reached (`when_isolated: deny`)
  full,       ///< no room for its counter (`when_full: deny`)
};

/// As it is written in JSON and logs.
constexpr std::string_view name(Denial denial) {
  switch (denial) {
    case Denial::none:
      return "none";
    case Denial::limit:
      return "limit";
    case Denial::share:
      return "share";
    case Denial::held_back:
      return "held_back";
    case Denial::isolated:
      return "isolated";
    case Denial::full:
      return "full";
  }
  return "unknown";
}

/// Where a limit comes from.
enum class LimitSource : std::uint8_t {
  rule,       ///< the rule's own, from the file
  exception,  ///< an entry of the rule's `overrides`, from the file
  live,       ///< an override that was set while running
  request,    ///< the request brought it along
};

/// As it is written in JSON and logs.
constexpr std::string_view name(LimitSource source) {
  switch (source) {
    case LimitSource::rule:
      return "rule";
    case LimitSource::exception:
      return "override";
    case LimitSource::live:
      return "live";
    case LimitSource::request:
      return "request";
  }
  return "unknown";
}

/// What decides whether a limit is enforced or only learns.
enum class EnforcementSource : std::uint8_t {
  file,       ///< `learning` of the rule, or of all rules, in the file
  exception,  ///< `learning` of an entry of the rule's `overrides`, from the file
  list,       ///< the caller is in the rule's `enforcing` or `ignoring`, in the file
  live,       ///< learning was turned on or off while running
  live_list,  ///< the caller was put into `enforcing` or `ignoring` while running
  isolation,  ///< no peer can be reached (`when_isolated: learning`)
};

/// As it is written in JSON and logs.
constexpr std::string_view name(EnforcementSource source) {
  switch (source) {
    case EnforcementSource::file:
      return "file";
    case EnforcementSource::exception:
      return "override";
    case EnforcementSource::list:
      return "list";
    case EnforcementSource::live:
      return "live";
    case EnforcementSource::live_list:
      return "live list";
    case EnforcementSource::isolation:
      return "isolation";
  }
  return "unknown";
}

/// `LimitStatus::rule_index` of a limit that the request brought along.
inline constexpr std::uint32_t no_rule = 0xFFFF'FFFF;
/// `LimitStatus::override_index` of a limit that no override gave.
inline constexpr std::uint32_t no_override = 0xFFFF'FFFF;
/// Descriptors beyond these are not looked at (`Decision::truncated`).
inline constexpr std::size_t descriptors_per_request_max = 64;

/// The verdict on one limit of one rule.
struct LimitStatus {
  std::string_view rule;  ///< valid until the rules are reloaded; empty if the request brought the limit
  std::uint32_t rule_index = 0;            ///< `no_rule` if the request brought the limit
  LimitSource source = LimitSource::rule;  ///< where its requests and window come from
  /// Which of the rule's `overrides` (source `exception`) or of the live overrides as they were set last
  /// (source `live`) gave this limit; else `no_override`.
  std::uint32_t override_index = no_override;
  std::uint64_t descriptors = 0;  ///< bit i: descriptor i of the request led here
  std::uint64_t hits = 1;         ///< what the request costs here: the largest of those descriptors
  /// True: the rule matches and sets no limit. It counts nothing, and of the fields below only `allowed`
  /// means something.
  bool unlimited = false;
  std::uint64_t limit = 0;      ///< hits per window
  std::uint32_t window_s = 0;   ///< length of the window, in seconds
  std::uint64_t window_id = 0;  ///< floor(seconds since the epoch / window_s)
  /// Hits held to the limit, as merged here, this request's included if it passed. With a sliding window also
  /// the previous window's, weighted and rounded up.
  std::uint64_t used = 0;
  std::uint64_t remaining = 0;  ///< hits still free here
  /// Milliseconds, at least 1: until the window ends; with a sliding window that denies, until enough has
  /// slid out of it.
  std::uint64_t reset_ms = 0;
  bool allowed = true;           ///< false: this limit alone does not let the request pass
  Denial denial = Denial::none;  ///< why it does not
  bool enforced = true;          ///< false: it only learns, so what it does not allow passes all the same
  EnforcementSource enforced_by = EnforcementSource::file;  ///< what says so, either way
  bool contradiction = false;  ///< the caller is in `enforcing` and in `ignoring`, so it only learns
  bool counted = true;         ///< false: the counter table was full, so this limit could not be held
};

/// Limits beyond these are not looked at (`Decision::truncated`): two for each of a request's 64 descriptors.
inline constexpr std::uint32_t limits_per_request_max = 128;

/// The verdict on a request. `limits` has one entry for every counter that a limit led to and for every
/// unlimited rule, in the order of the descriptors, and for each of them of the rules.
struct Decision {
  bool allowed = true;                  ///< the answer; if true, the hits are counted
  std::span<const LimitStatus> limits;  ///< valid until the next decision of the same engine
  /// The limit a client should look at: on a denial the denying one with the longest wait, else the one with
  /// the least remaining, also one that only learns. Null if no rule set a limit.
  const LimitStatus* tightest = nullptr;
  /// More than `limits_per_request_max` limits applied, or there were more than `descriptors_per_request_max`
  /// descriptors; the rest were not looked at.
  bool truncated = false;
  bool learned = false;  ///< passed only because a limit that would have denied it learns
};

}  // namespace starling
