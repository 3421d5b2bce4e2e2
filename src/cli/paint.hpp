/// Colours, sparingly: states and verdicts, never as the only thing that tells one from another.
///
/// Nobody wants escape sequences in a pipe or a log: `automatic` paints only on a terminal that is not dumb,
/// and not when NO_COLOR says no (https://no-color.org).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace starling::cli {

enum class Hue : std::uint8_t { plain, good, warning, bad, faint };

enum class ColourChoice : std::uint8_t { automatic, always, never };

/// `environment` looks a variable up; null if it is not set.
bool wants_colour(ColourChoice choice, bool is_terminal,
                  const std::function<const char*(const char*)>& environment);

class Paint {
 public:
  Paint() = default;  ///< leaves texts as they are
  explicit Paint(bool on) : on_(on) {}

  /// `text` in that colour; what is behind it is plain again. An empty text stays empty.
  std::string operator()(Hue hue, std::string_view text) const;

 private:
  bool on_ = false;
};

}  // namespace starling::cli
