/// Finds patterns of values that may have a value in common, without looking at all of them.
///
/// Files with thousands of descriptors list values of one key. Patterns that begin with different exact
/// values have nothing in common, so they are kept by their first value, and only those that begin with a
/// wildcard apart.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <unordered_map>
#include <vector>

#include "limiter/rules.hpp"

namespace starling {

class PatternIndex {
 public:
  void add(const std::vector<Matcher>& pattern, std::size_t number) {
    all_.push_back(number);
    if (pattern.front().kind == Matcher::Kind::equal)
      by_first_[pattern.front().text].push_back(number);
    else
      wild_.push_back(number);
  }

  /// Calls `test` with the numbers that may overlap `pattern` until it returns true; says whether it did.
  template <class Test>
  bool any_near(const std::vector<Matcher>& pattern, const Test& test) const {
    if (pattern.front().kind != Matcher::Kind::equal) return std::any_of(all_.begin(), all_.end(), test);
    const auto same = by_first_.find(pattern.front().text);
    return std::any_of(wild_.begin(), wild_.end(), test) ||
           (same != by_first_.end() && std::any_of(same->second.begin(), same->second.end(), test));
  }

 private:
  std::vector<std::size_t> all_;
  std::vector<std::size_t> wild_;
  std::unordered_map<std::string, std::vector<std::size_t>> by_first_;
};

}  // namespace starling
