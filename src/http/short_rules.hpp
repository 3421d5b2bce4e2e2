/// The rules of `/v1/status` in short, as JSON text; `/v1/rules` has the rest.
///
/// Ten thousand rules are 3 MB of text, too much to be made while gateways wait. Nearly all of it changes
/// with the rules file only, so it is made by the thread that has read the file. What overrides that were set
/// while running change of a rule stands at two places, and is put in there.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "engine/view.hpp"
#include "http/live_index.hpp"
#include "limiter/rules.hpp"

namespace starling::http {

class ShortRules {
 public:
  /// Of no rules.
  ShortRules() : text_("[]") {}
  /// Touches nothing but `set`: may be called on any thread.
  explicit ShortRules(const RuleSet& set);

  /// The list, as long as no override is set.
  const std::string& text() const { return text_; }
  /// The list with `live`. `set`: the rules that this was made of.
  std::string text_with(const std::vector<LiveView>& live, const RuleSet& set) const;

 private:
  /// Of one rule, what overrides change: two values in `text_`.
  struct Places {
    std::size_t learning_begin = 0;
    std::size_t learning_end = 0;
    std::size_t live_begin =
        0;  ///< the limits that were set for the whole rule, and how many overrides it has
    std::size_t live_end = 0;
  };

  void append(const RuleSet& set, const Rule& rule);

  std::string text_;
  std::vector<Places> places_;  ///< in the order of the rules
};

}  // namespace starling::http
