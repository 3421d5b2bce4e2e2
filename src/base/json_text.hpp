/// JSON strings, written straight into an answer's buffer: every denial carries one, and a denial must not
/// allocate. Whole documents are nlohmann's business, but for one that is long (`http/short_rules.hpp`).
#pragma once

#include <string>
#include <string_view>

namespace starling {

/// Appends `text` as a JSON string with its quotes. Bytes that are not UTF-8 become U+FFFD, so that the
/// result is valid JSON whatever a client or a rules file put in.
void append_json_string(std::string& out, std::string_view text);

}  // namespace starling
