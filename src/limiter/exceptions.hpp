/// What a rule says to one of its callers: its own limits, or those of an override; enforced or only
/// learning.
///
/// Two questions are answered apart, because an override may speak of one and be silent on the other.
///
/// Which limits? Every override that fits is ranked, and the best one that names limits wins: first those
/// that name the caller wholly (each key by which the rule tells callers apart, by an equal value), then the
/// others; within each, live before file, more keys before fewer, then the order in which they stand. So
/// somebody's name beats a pattern or an application, and what was set while running beats the file.
///
/// Learning? The first of these that speaks: live lists, the file's lists, an override with `learning`, the
/// rule. In both lists at once the caller learns and that is flagged: a mistake never blocks traffic.
/// (Spinnaker enforces then.)
///
/// What the file says is indexed when rules are loaded, what is live whenever that changes; the two layers
/// are kept apart, so that a live change costs nothing for the file's.
#pragma once

#include <starling/request.hpp>

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "limiter/caller_lists.hpp"
#include "limiter/live_override.hpp"
#include "limiter/match_index.hpp"
#include "limiter/rules.hpp"

namespace starling {

/// Views are valid until the rules or the live overrides change.
struct Terms {
  std::span<const Limit> limits;
  bool unlimited = false;
  LimitSource source = LimitSource::rule;
  std::uint32_t override_index = no_override;
  bool learning = false;
  bool contradiction = false;
  EnforcementSource enforced_by = EnforcementSource::file;

  /// Who is in a list is enforced or learns as the list says; who is in none: no change.
  /// Returns whether there was a change.
  bool follow(Listed listed, EnforcementSource list);
};

/// The overrides and lists of one rule.
class Exceptions {
 public:
  /// Takes in what the file says. `rule` is kept as a view and must outlive this.
  explicit Exceptions(const Rule& rule);

  /// A live `limits` with a match, `enforcing` or `ignoring` of this rule; kept as a view until `clear_live`.
  /// `index`: where it stands among all live overrides.
  void add_live(const LiveOverride& live, std::uint32_t index);
  void clear_live();
  bool empty() const { return file_.empty() && live_.empty(); }

  /// Turns the rule's own `terms` into those for the caller in `descriptor`, which fits the rule.
  /// `live_for_all`: the live lists that hold for every rule. No allocation.
  void apply(const Descriptor& descriptor, const CallerLists& live_for_all, Terms& terms) const;

 private:
  /// An override, as it is chosen.
  struct Candidate {
    std::uint64_t rank = 0;  // the smallest wins
    std::span<const Limit> limits;
    bool unlimited = false;
    std::optional<bool> learning;
    LimitSource source = LimitSource::exception;
    std::uint32_t index = no_override;

    bool says_limits() const { return unlimited || !limits.empty(); }
  };
  struct Best {
    const Candidate* limits = nullptr;
    const Candidate* learning = nullptr;
  };
  struct Layer {
    MatchIndex index;
    std::vector<Candidate> candidates;  // by id in `index`
    CallerLists lists;

    bool empty() const { return candidates.empty() && lists.empty(); }
    void clear();
    void add(std::span<const Matcher> match, const Candidate& candidate);
    void find_best(const Descriptor& descriptor, Best& best) const;
  };

  std::uint64_t rank(std::span<const Matcher> match, bool live, std::uint32_t order) const;

  const Rule& rule_;
  Layer file_;
  Layer live_;
};

}  // namespace starling
