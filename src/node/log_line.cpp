#include "node/log_line.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <array>
#include <iterator>

#include "base/visible_text.hpp"

namespace starling {
namespace {

void append_time(std::string& out, WallTime at) {
  const auto ms = ms_since_epoch(at);
  const auto seconds = static_cast<std::time_t>(ms / 1000);
  fmt::format_to(std::back_inserter(out), "{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(seconds), ms % 1000);
}

/// Such as never needs quotes in `key=value`.
bool is_bare(std::string_view value) {
  return !value.empty() && value.find_first_of(" \"=\\") == std::string_view::npos && is_harmless(value);
}

/// As in JSON, but for `\\xff` where it is no UTF-8.
void append_quoted(std::string& out, std::string_view value) {
  std::string visible;
  for (const char c : value) {
    if (c == '"' || c == '\\') visible += '\\';
    visible += c;
  }
  out += '"';
  append_visible(out, visible);
  out += '"';
}

}  // namespace

void append_message(std::string& out, const LogRecord& record) {
  append_visible(out, record.message);
  for (const LogField& field : record.fields) {
    out += ' ';
    out += field.key;
    out += '=';
    if (is_bare(field.value))
      out += field.value;
    else
      append_quoted(out, field.value);
  }
}

void append_text_line(std::string& out, const LogRecord& record, bool is_coloured) {
  constexpr std::array<std::string_view, log_levels_count> words{"trace", "debug", "info ", "warn ", "error"};
  constexpr std::array<std::string_view, log_levels_count> colours{"\033[37m", "\033[36m", "\033[32m",
                                                                   "\033[33m\033[1m", "\033[31m\033[1m"};
  const auto level = static_cast<std::size_t>(record.level);
  append_time(out, record.at);
  out += ' ';
  if (is_coloured) out += colours[level];
  out += words[level];
  if (is_coloured) out += "\033[m";
  out += ' ';
  append_message(out, record);
}

void append_json_line(std::string& out, const LogRecord& record, std::string_view node) {
  out += R"({"ts":")";
  append_time(out, record.at);
  out += R"(","level":")";
  out += name(record.level);
  out += R"(","msg":)";
  append_visible_json_string(out, record.message);
  out += R"(,"node":)";
  append_visible_json_string(out, node);
  for (const LogField& field : record.fields) {
    out += ',';
    append_visible_json_string(out, field.key);
    out += ':';
    if (field.is_text)
      append_visible_json_string(out, field.value);
    else
      out += field.value;
  }
  out += '}';
}

}  // namespace starling
