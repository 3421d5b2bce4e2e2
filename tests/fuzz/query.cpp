// The query of a check: whatever is accepted has each key once, keeps to its bounds, and survives being
// written and read again.
#include "http/query.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "target.hpp"

using namespace starling;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes_count) {
  static http::QueryScratch scratch;
  static http::QueryScratch again;
  const std::string_view raw = fuzz::text_of(data, bytes_count);
  const auto parameters = http::parse_query(raw, scratch);
  if (parameters) {
    REQUIRE_THAT(parameters->size() <= http::query_parameters_max);
    std::string written;
    for (const Entry& entry : *parameters) {
      REQUIRE_THAT(!entry.key.empty());
      http::append_query_parameter(written, entry.key, entry.value);
    }
    const auto read_again =
        http::parse_query(std::string_view(written).substr(written.empty() ? 0 : 1), again);
    REQUIRE_THAT(read_again.has_value());
    const auto equal = [](const Entry& a, const Entry& b) { return a.key == b.key && a.value == b.value; };
    REQUIRE_THAT(
        std::equal(parameters->begin(), parameters->end(), read_again->begin(), read_again->end(), equal));
  }
  const auto query = http::parse_check_query(raw, scratch);
  REQUIRE_THAT(!query || parameters);
  if (!query) return 0;
  REQUIRE_THAT(query->hits <= http::query_hits_max);
  REQUIRE_THAT(query->deny_status == 403 || query->deny_status == 429);
  REQUIRE_THAT(query->entries.size() <= http::query_entries_max);
  return 0;
}
