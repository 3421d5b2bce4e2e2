#include "cli/output.hpp"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace starling::cli {
namespace {

void emit(YAML::Emitter& out, const Json& value) {
  if (value.is_object()) {
    out << YAML::BeginMap;
    for (const auto& [key, member] : value.items()) {
      out << YAML::Key;
      if (printable(key) != key) out << YAML::DoubleQuoted;  // where it can be escaped
      out << key << YAML::Value;
      emit(out, member);
    }
    out << YAML::EndMap;
  } else if (value.is_array()) {
    if (value.empty()) out << YAML::Flow;
    out << YAML::BeginSeq;
    for (const Json& element : value) emit(out, element);
    out << YAML::EndSeq;
  } else if (value.is_string()) {
    out << YAML::DoubleQuoted << value.get<std::string>();
  } else if (value.is_null()) {
    out << YAML::Null;
  } else {
    out << value.dump();  // numbers and booleans are spelt alike
  }
}

/// `text` with everything that is not harmless, but line ends, replaced by what `escape` makes of it.
std::string escape_disturbing(std::string_view text,
                              const std::function<std::string(std::uint32_t)>& escape) {
  std::string out;
  while (!text.empty()) {
    const Character character = first_character(text);
    if (text.front() == '\n' || is_harmless(character))
      out += text.substr(0, character.bytes);
    else
      out += escape(character.code);
    text.remove_prefix(character.bytes);
  }
  return out;
}

}  // namespace

std::string render_table(const std::vector<std::string>& header,
                         const std::vector<std::vector<std::string>>& rows, const Paint& paint,
                         const HueOf& hue_of) {
  std::vector<std::vector<std::string>> lines{header};
  for (const auto& row : rows) {
    lines.emplace_back();
    for (const std::string& cell : row) lines.back().push_back(printable(cell));
  }
  std::vector<std::size_t> widths;
  for (const auto& line : lines) {
    widths.resize(std::max(widths.size(), line.size()));
    for (std::size_t column = 0; column < line.size(); ++column)
      widths[column] = std::max(widths[column], columns_of(line[column]));
  }
  std::string out;
  for (std::size_t row = 0; row < lines.size(); ++row) {
    std::size_t gap = 0;  // written only when something follows it
    for (std::size_t column = 0; column < lines[row].size(); ++column) {
      const std::string& cell = lines[row][column];
      if (!cell.empty()) {
        out.append(gap, ' ');
        gap = 0;
        out += row > 0 && hue_of ? paint(hue_of(column, cell), cell) : cell;
      }
      gap += widths[column] - columns_of(cell) + 2;
    }
    out += "\n";
  }
  return out;
}

std::string render_json(const Json& document, int indent) {
  // Outside of strings JSON has nothing but ASCII, and inside of them an escape is the same text.
  return escape_disturbing(document.dump(indent, ' ', false, Json::error_handler_t::replace),
                           [](std::uint32_t code) {
                             if (code < 0x10000) return fmt::format("\\u{:04x}", code);
                             const std::uint32_t rest = code - 0x10000;
                             return fmt::format("\\u{:04x}\\u{:04x}", 0xD800 + (rest >> 10U),
                                                0xDC00 + (rest & 0x3FFU));
                           }) +
         "\n";
}

std::string render_yaml(const Json& document) {
  YAML::Emitter out;
  emit(out, document);
  return escape_disturbing(fmt::format("{}\n", out.c_str()),
                           [](std::uint32_t code) { return fmt::format("\\U{:08x}", code); });
}

std::string render_age(std::int64_t ms) {
  if (ms <= 0) return "0s";
  if (ms < 1000) return fmt::format("{}ms", ms);
  struct Unit {
    std::int64_t seconds;
    char suffix;
  };
  constexpr std::array<Unit, 4> units{{{86'400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}}};
  std::int64_t left = ms / 1000;
  std::string out;
  int shown = 0;
  for (const Unit& unit : units) {
    const std::int64_t count = left / unit.seconds;
    left %= unit.seconds;
    if (count == 0 && shown == 0) continue;
    if (count != 0) out += fmt::format("{}{}", count, unit.suffix);
    if (++shown == 2) break;
  }
  return out;
}

std::string render_latency(std::int64_t us) {
  if (us < 1000) return fmt::format("{}us", us);
  if (us < 100'000) return fmt::format("{:.1f}ms", static_cast<double>(us) / 1e3);
  if (us < 1'000'000) return fmt::format("{}ms", us / 1000);
  return fmt::format("{:.1f}s", static_cast<double>(us) / 1e6);
}

const Json& member_of(const Json& object, std::string_view key) {
  static const Json nothing;
  const auto found = object.is_object() ? object.find(std::string(key)) : object.end();
  return found == object.end() ? nothing : *found;
}

std::string text_of(const Json& object, std::string_view key, std::string otherwise) {
  const auto found = object.is_object() ? object.find(std::string(key)) : object.end();
  if (found == object.end() || found->is_null()) return otherwise;
  std::string text = found->is_string() ? found->get<std::string>() : found->dump();
  return text.empty() ? otherwise : printable(text);
}

std::int64_t number_of(const Json& object, std::string_view key, std::int64_t otherwise) {
  const auto found = object.is_object() ? object.find(std::string(key)) : object.end();
  if (found == object.end() || !found->is_number()) return otherwise;
  constexpr double too_large = 0x1p63;
  if (std::abs(found->get<double>()) >= too_large) return otherwise;
  return found->get<std::int64_t>();
}

bool flag_of(const Json& object, std::string_view key) {
  const auto found = object.is_object() ? object.find(std::string(key)) : object.end();
  return found != object.end() && *found == Json(true);
}

}  // namespace starling::cli
