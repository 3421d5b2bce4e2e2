/// Names for rules: each once, short enough, near what was wanted.
#pragma once

#include <string>
#include <unordered_set>

namespace starling {

class RuleNames {
 public:
  /// `wanted` if nobody has it yet, else with a number behind it.
  std::string take(const std::string& wanted);

 private:
  std::unordered_set<std::string> taken_;
};

}  // namespace starling
