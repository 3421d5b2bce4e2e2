/// Single values of another project's file, checked. What is wrong is told to the report, and nothing is
/// returned.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "import/foreign_yaml.hpp"
#include "import/report.hpp"

namespace starling {

/// Longest domain, rule name, key or caller in a list that the rules file takes.
inline constexpr std::size_t foreign_name_bytes_max = 256;
/// Longest value that a `match` takes.
inline constexpr std::size_t foreign_value_bytes_max = 1024;

/// `true`, `false` and YAML 1.1's other words for them, which Go's, Java's and Lua's readers know.
std::optional<bool> read_foreign_bool(const ForeignNode& node, std::string_view what, ImportReport& report);

/// A whole number from 0 to `max`.
std::optional<Hits> read_foreign_number(const ForeignNode& node, std::string_view what, Hits max,
                                        ImportReport& report);

/// The same, but 2.5 is 3: a limit of 2.5 requests lets a third one pass while 2 have passed.
std::optional<Hits> read_foreign_number_up(const ForeignNode& node, std::string_view what, Hits max,
                                           ImportReport& report);

}  // namespace starling
