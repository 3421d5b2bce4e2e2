/// From flags to the JSON that `/v1/overrides` takes. What can be judged at the prompt is judged here, so
/// that it is wrong usage and names the flag; the node has the last word.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/output.hpp"

namespace starling::cli {

/// What the flags of `override`, `learning`, `enforce` and `ignore` said.
struct LiveFlags {
  std::string rule;  ///< empty: all rules
  std::string principal;
  std::vector<std::string> match;   ///< "principal=alice"
  std::vector<std::string> limits;  ///< "2000/10s"
  bool unlimited = false;
  std::string expires;  ///< "1h"; empty: never
  std::string as;
};

/// "2000/10s" as `{"requests":2000,"per":"10s"}`; nothing if it is no limit.
std::optional<Json> parse_limit(std::string_view text);
/// What `--limit` and `--expires` should have been; empty if they are that.
std::string wrong_limit(const std::string& text);
std::string wrong_expires(const std::string& text);

/// Whom it is about and who says so.
Json subject_body(std::string_view kind, const LiveFlags& flags);
/// With limits or `unlimited` as well, and when it ends.
Json limits_body(const LiveFlags& flags);
Json learning_body(const LiveFlags& flags, bool learning);
Json caller_body(std::string_view kind, const LiveFlags& flags);

}  // namespace starling::cli
