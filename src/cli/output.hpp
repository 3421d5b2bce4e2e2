/// How the command line shows things: aligned columns for people, JSON and YAML for scripts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "cli/characters.hpp"
#include "cli/paint.hpp"

namespace starling::cli {

using Json = nlohmann::ordered_json;

enum class Format : std::uint8_t { table, wide, json, yaml };

/// The colour of a cell, by its column and its text.
using HueOf = std::function<Hue(std::size_t column, std::string_view cell)>;

/// Columns as wide as their widest cell, two spaces apart, no trailing spaces. Cells are made printable.
std::string render_table(const std::vector<std::string>& header,
                         const std::vector<std::vector<std::string>>& rows, const Paint& paint = {},
                         const HueOf& hue_of = {});

/// With a newline at its end. What a terminal might obey is escaped, so it is the same document to a reader.
/// `indent` < 0: all on one line.
std::string render_json(const Json& document, int indent = 2);
std::string render_yaml(const Json& document);

/// "0s", "850ms", "12s", "3m20s", "5h10m", "2d3h": two units at most.
std::string render_age(std::int64_t ms);
/// "85us", "1.2ms", "340ms", "2.1s".
std::string render_latency(std::int64_t us);

/// A member of a JSON object, or null if it is missing or `object` is none.
const Json& member_of(const Json& object, std::string_view key);
/// A member of a JSON object as printable text (what is no text as JSON), or `otherwise` if it is missing,
/// null or empty.
std::string text_of(const Json& object, std::string_view key, std::string otherwise = "-");
/// The same as a number, or `otherwise` if it is none or far too large for one.
std::int64_t number_of(const Json& object, std::string_view key, std::int64_t otherwise = 0);
/// True if the member is there and is `true`.
bool flag_of(const Json& object, std::string_view key);

}  // namespace starling::cli
