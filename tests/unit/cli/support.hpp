/// What the tests of views share: a view must show whatever a node of another version sends, and nothing that
/// a terminal would obey.
#pragma once

#include <doctest/doctest.h>

#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "cli/output.hpp"

namespace starling::cli::testing {

inline std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

inline bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

/// Every member, at every depth, replaced by each kind of value in turn; and left out.
inline std::vector<Json> spoilt(const Json& document) {
  const std::vector<Json> values{Json(),
                                 Json(true),
                                 Json(-1),
                                 Json(1e300),
                                 Json("\x1b[2J\n"),
                                 Json::array({5}),
                                 Json::object({{"\x1b", "\n"}})};
  std::vector<Json> result = values;
  const Json flat = document.flatten();
  for (const auto& [pointer, leaf] : flat.items()) {
    for (Json::json_pointer at(pointer); !at.empty(); at = at.parent_pointer()) {
      for (const Json& value : values) {
        result.push_back(document);
        result.back()[at] = value;
      }
      const Json::json_pointer parent = at.parent_pointer();
      if (!document[parent].is_object()) continue;
      result.push_back(document);
      result.back()[parent].erase(at.back());
    }
  }
  return result;
}

/// Shows every spoilt form of `document`, and looks for what a terminal would obey.
template <class Render>
void check_robust(const Json& document, const Render& render) {
  for (const Json& other : spoilt(document)) {
    const std::string text = render(other);
    CAPTURE(other.dump());
    REQUIRE_FALSE(text.empty());
    for (const char c : text) REQUIRE((c == '\n' || static_cast<unsigned char>(c) >= ' '));
    REQUIRE(text.find('\x7f') == std::string::npos);
  }
}

}  // namespace starling::cli::testing
