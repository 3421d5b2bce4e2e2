/// What a person should do next about a node, in the order in which it presses.
///
/// What goes on is told for as long as it does; what happened is told for ten minutes and then forgotten, so
/// that a node that was mended is healthy. Totals stay in the status.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "node/status.hpp"

namespace starling {

struct Advice {
  std::string_view code;  ///< stable, snake_case: for programs; README lists all
  std::string text;       ///< one line
  bool is_note = false;   ///< worth knowing; nothing is wrong
};

std::vector<Advice> advice_of(const NodeStatus& status);

/// The texts alone.
std::vector<std::string> advice(const NodeStatus& status);

/// "healthy", "1 thing to do", "3 things to do".
std::string verdict(const std::vector<Advice>& advice);

}  // namespace starling
