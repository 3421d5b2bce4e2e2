/// What `explain=1` answers: the decision with every limit that applied, as JSON.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "starling/request.hpp"

namespace starling::http {

struct Explained {
  std::string_view domain;         ///< as asked for; empty: that of the rules file
  std::span<const Entry> entries;  ///< what it was decided by, from the query and from `--attributes`
  std::string_view node_name;
  bool failed = false;  ///< it could not be decided, and passed for that reason
};

void append_explanation(std::string& out, const Decision& decision, const Explained& about);

}  // namespace starling::http
