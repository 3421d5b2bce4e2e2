/// Another project's YAML, as a tree that remembers where everything stood.
///
/// YAML::Node would do but for three things: it knows only the first document of a file, it shares what
/// aliases point to (a few lines then say as much as a gigabyte, once somebody walks them), and it has no
/// merge keys
/// (`<<: *defaults`), which Kong's and Spring's files use. So the tree is built from the parser's events:
/// aliases are copied, and every copy counts against a bound.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "import/report.hpp"

namespace starling {

inline constexpr std::size_t foreign_bytes_max = std::size_t{16} * 1024 * 1024;
inline constexpr std::size_t foreign_nodes_max = 1'000'000;  ///< with aliases written out
inline constexpr std::size_t foreign_depth_max = 100;
inline constexpr std::size_t foreign_documents_max = 1'000;

struct ForeignEntry;

struct ForeignNode {
  enum class Kind : std::uint8_t { nothing, text, list, map };

  Kind kind = Kind::nothing;
  Place place;
  std::string text;
  std::vector<ForeignNode> items;
  std::vector<ForeignEntry> entries;  ///< keys unique, in the order of the file

  bool is_nothing() const { return kind == Kind::nothing; }
  bool is_text() const { return kind == Kind::text; }
  bool is_list() const { return kind == Kind::list; }
  bool is_map() const { return kind == Kind::map; }
  /// The value of a key of a map; null if there is none or this is no map.
  const ForeignNode* find(std::string_view key) const;
  /// For a message: "\"abc\"", "a map", "a list", "nothing".
  std::string found() const;
};

struct ForeignEntry {
  std::string key;
  Place place;
  ForeignNode value;
};

/// The documents of a file that say anything. What is no YAML, goes beyond a bound or names a key twice is an
/// error with its place.
tl::expected<std::vector<ForeignNode>, ImportError> read_foreign_yaml(std::string_view text);

}  // namespace starling
