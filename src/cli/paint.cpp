#include "cli/paint.hpp"

#include <fmt/format.h>

namespace starling::cli {
namespace {

/// Of the eight that every terminal has, so that the user's own palette makes them readable.
std::string_view code_of(Hue hue) {
  switch (hue) {
    case Hue::good:
      return "32";
    case Hue::warning:
      return "33";
    case Hue::bad:
      return "31";
    case Hue::faint:
      return "2";
    case Hue::plain:
      break;
  }
  return "";
}

}  // namespace

bool wants_colour(ColourChoice choice, bool is_terminal,
                  const std::function<const char*(const char*)>& environment) {
  if (choice != ColourChoice::automatic) return choice == ColourChoice::always;
  const char* const refused = environment("NO_COLOR");
  const char* const terminal = environment("TERM");
  return is_terminal && (refused == nullptr || *refused == '\0') && terminal != nullptr &&
         *terminal != '\0' && std::string_view(terminal) != "dumb";
}

std::string Paint::operator()(Hue hue, std::string_view text) const {
  if (!on_ || hue == Hue::plain || text.empty()) return std::string(text);
  return fmt::format("\x1b[{}m{}\x1b[0m", code_of(hue), text);
}

}  // namespace starling::cli
