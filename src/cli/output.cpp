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
      out << YAML::Key << key << YAML::Value;
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

}  // namespace

std::string printable(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const auto byte = static_cast<unsigned char>(text[at]);
    const auto next = at + 1 < text.size() ? static_cast<unsigned char>(text[at + 1]) : 0U;
    const bool is_c1 = byte == 0xC2 && next >= 0x80 && next < 0xA0;  // U+0080 to U+009F: terminals obey some
    out += is_c1 || byte < 0x20 || byte == 0x7F ? '?' : text[at];
    if (is_c1) ++at;
  }
  return out;
}

std::string render_table(const std::vector<std::string>& header,
                         const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::vector<std::string>> lines{header};
  for (const auto& row : rows) {
    lines.emplace_back();
    for (const std::string& cell : row) lines.back().push_back(printable(cell));
  }
  std::vector<std::size_t> widths;
  for (const auto& line : lines) {
    widths.resize(std::max(widths.size(), line.size()));
    for (std::size_t column = 0; column < line.size(); ++column)
      widths[column] = std::max(widths[column], line[column].size());
  }
  std::string out;
  for (const auto& line : lines) {
    std::string text;
    for (std::size_t column = 0; column < line.size(); ++column)
      text += fmt::format("{:<{}}  ", line[column], widths[column]);
    text.erase(text.find_last_not_of(' ') + 1);
    out += text + "\n";
  }
  return out;
}

std::string render_yaml(const Json& document) {
  YAML::Emitter out;
  emit(out, document);
  return fmt::format("{}\n", out.c_str());
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
