/// The query of a check, `?domain=D&hits=N&deny_status=403&explain=1&key=value...`: four names with a meaning
/// of their own, and every other parameter an entry of the one descriptor.
///
/// Names and values are percent-decoded, with '+' for a space (application/x-www-form-urlencoded), into an
/// arena that is used again; what is not encoded is not copied. So a query of usual length allocates nothing.
/// Anything doubtful is an error rather than a guess, because a guess would limit by the wrong key.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "starling/request.hpp"

namespace starling::http {

inline constexpr std::size_t query_entries_max = 32;
inline constexpr std::uint64_t query_hits_max = 0xFFFF'FFFF;

/// The views point into the scratch or the raw query.
struct CheckQuery {
  std::string_view domain;  ///< empty: the domain of the rules file
  std::uint64_t hits = 1;   ///< 0 only looks
  int deny_status = 429;    ///< or 403, for nginx's auth_request
  bool explain = false;
  std::span<const Entry> entries;  ///< in the order of the query; attributes may be added behind them
};

/// Entries, and each of the four names once.
inline constexpr std::size_t query_parameters_max = query_entries_max + 4;

struct QueryScratch {
  std::string bytes;
  std::array<Entry, query_parameters_max> entries;
};

/// The parameters as they come, every key once; none has a meaning of its own. `raw` is what follows the '?'.
/// Errors are for the client: what was expected and what was found.
tl::expected<std::span<Entry>, std::string> parse_query(std::string_view raw, QueryScratch& scratch);

/// The same for a check.
tl::expected<CheckQuery, std::string> parse_check_query(std::string_view raw, QueryScratch& scratch);

/// Adds `key=value` to `target`, percent-encoded, after a '?' or '&' as needed. For clients.
void append_query_parameter(std::string& target, std::string_view key, std::string_view value);

}  // namespace starling::http
