/// --watch: asks again and again and shows what came, until Ctrl-C.
///
/// On a terminal the state is painted over and over, and a node that is gone leaves what it said last, with
/// its age, until it is back. Elsewhere states follow each other: JSON one document a line, YAML as
/// documents, tables with an empty line between them; errors go to stderr, once until they change.
#pragma once

#include <functional>
#include <string>
#include <tl/expected.hpp>

#include "cli/output.hpp"
#include "cli/paint.hpp"

namespace starling::cli {

struct Watch {
  std::string title;   ///< the command
  std::string server;  ///< as the user said it
  double interval_s = 1.0;
  Format format = Format::table;
  Paint paint;
  std::function<tl::expected<Json, std::string>()> get;
  std::function<std::string(const Json&)> text;  ///< in `format`; without colours if `paint` is off
};

/// Returns only if there is nobody to show it to: the exit code.
int run(const Watch& watch);

}  // namespace starling::cli
