#include "cli/watch_frame.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "cli/characters.hpp"

namespace starling::cli {
namespace {

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

}  // namespace

std::vector<std::string> fit(const WatchFrame& frame, TerminalSize size) {
  std::vector<std::string> lines{frame.header};
  if (!frame.problem.empty()) lines.push_back(frame.problem);
  lines.emplace_back();
  std::vector<std::string> body = lines_of(frame.body);
  const std::size_t room = size.rows > lines.size() ? size.rows - lines.size() : 0;
  if (body.size() > room && room > 0) {
    const std::size_t more = body.size() - (room - 1);
    body.resize(room - 1);
    body.push_back(fmt::format("... {} more", more));
  }
  lines.insert(lines.end(), std::make_move_iterator(body.begin()), std::make_move_iterator(body.end()));
  lines.resize(std::min(lines.size(), std::max<std::size_t>(size.rows, 1)));
  for (std::string& line : lines) line = cut_to_columns(line, size.columns);
  return lines;
}

std::string repaint(const std::vector<std::string>& lines) {
  std::string out = "\x1b[H";
  for (std::size_t i = 0; i < lines.size(); ++i)
    out += fmt::format("{}{}\x1b[K", i == 0 ? "" : "\r\n", lines[i]);
  return out + "\x1b[J";
}

}  // namespace starling::cli
