/// Who is behind a counter key: what `top` shows, and what no counter needs.
///
/// A key is a hash, so a name cannot be had from it. A node notes the name where it has it anyway, in its own
/// traffic, and only on the slow path: when a counter is new here, or newly among the denied. A known counter
/// pays nothing. The window is not part of a key, so a caller that comes back in the next window finds its
/// name noted and pays one lookup; only a caller that was never here pays for writing the text.
///
/// The book is bounded, in names and in bytes of each. When it is full a clock hand goes round and takes the
/// first name that nobody has asked for since it last passed (second chance): a flood of callers that come
/// once pushes out callers that came once, not those that come in every window or are looked at.
///
/// Source: Corbato, "A Paging Experiment with the Multics System" (1968), the clock algorithm.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.hpp"

namespace starling {

inline constexpr std::size_t names_max_default = 65'536;
/// Longer texts are cut; they are for people. A rule's name is never longer in a rules file.
inline constexpr std::size_t principal_text_bytes_max = 256;
inline constexpr std::size_t rule_text_bytes_max = 256;

/// The views live until the book changes.
struct CounterName {
  std::string_view rule;       ///< empty: the request brought the limit
  std::string_view principal;  ///< "client_ip=10.0.0.1,user=alice"; empty: all callers share the counter
  std::uint32_t window_s = 0;
  Hits limit = 0;  ///< hits per window, as last held to where the name was noted
};

class NameBook {
 public:
  explicit NameBook(std::size_t names_max = names_max_default);

  /// A known caller is back, held to `limit`. False: it is not known, `put` it. One lookup.
  bool touch(CounterKey key, Hits limit);

  /// Notes a name, in the place of an older one of that key or, if the book is full, of a cold one.
  void put(CounterKey key, const CounterName& name);

  /// The name, which is warm from now on; nothing if it is not known.
  std::optional<CounterName> find(CounterKey key);
  /// The same, and leaves no trace: for looking at all of a table.
  std::optional<CounterName> peek(CounterKey key) const;

  std::size_t size() const { return rows_.size(); }
  std::size_t names_max() const { return names_max_; }

 private:
  struct Row {
    CounterKey key;
    Hits limit = 0;
    std::uint32_t window_s = 0;
    std::uint16_t rule_bytes = 0;
    bool warm = false;
    std::string text;  // rule, then principal
  };

  std::uint32_t take_row();
  static CounterName name_of(const Row& row);

  std::size_t names_max_;
  absl::flat_hash_map<CounterKey, std::uint32_t> index_;
  std::vector<Row> rows_;
  std::uint32_t hand_ = 0;
};

}  // namespace starling
