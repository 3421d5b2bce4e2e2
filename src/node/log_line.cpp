#include "node/log_line.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

#include "base/json_text.hpp"
#include "base/plain_text.hpp"

namespace starling {
namespace {

void append_time(std::string& out, WallTime at) {
  const auto ms = ms_since_epoch(at);
  const auto seconds = static_cast<std::time_t>(ms / 1000);
  fmt::format_to(std::back_inserter(out), "{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(seconds), ms % 1000);
}

/// Such as never needs quotes in `key=value`.
bool is_bare(std::string_view value) {
  return !value.empty() && value.find_first_of(" \"=\\") == std::string_view::npos && is_plain_text(value);
}

void append_plain(std::string& out, std::string_view text) {
  if (is_plain_text(text)) {
    out += text;
    return;
  }
  const std::size_t begin = out.size();
  out += text;
  std::replace_if(
      out.begin() + static_cast<std::ptrdiff_t>(begin), out.end(), [](char c) { return c < ' ' || c > '~'; },
      '?');
}

}  // namespace

void append_message(std::string& out, const LogRecord& record) {
  append_plain(out, record.message);
  for (const LogField& field : record.fields) {
    out += ' ';
    out += field.key;
    out += '=';
    if (is_bare(field.value)) {
      out += field.value;
    } else if (is_plain_text(field.value)) {
      append_json_string(out, field.value);
    } else {
      std::string printable;
      append_plain(printable, field.value);
      append_json_string(out, printable);
    }
  }
}

void append_text_line(std::string& out, const LogRecord& record, bool is_coloured) {
  constexpr std::array<std::string_view, log_levels_count> words{"trace  ", "debug  ", "info   ", "warning",
                                                                 "error  "};
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
  append_json_string(out, record.message);
  out += R"(,"node":)";
  append_json_string(out, node);
  for (const LogField& field : record.fields) {
    out += ',';
    append_json_string(out, field.key);
    out += ':';
    if (field.is_text)
      append_json_string(out, field.value);
    else
      out += field.value;
  }
  out += '}';
}

}  // namespace starling
