/// Where the entries of a check come from: its query, and behind that what `--attributes` asks for.
///
/// A key in the query wins, for the gateway wrote the query; then the first source of a key that has a value.
/// An attribute nobody tells makes no entry, and an empty header tells nothing: a rule that asks for the key
/// does not match then, which is better than one counter shared by all who leave the header out.
///
/// What would have to be guessed is refused, as in `query.hpp`: a header that is used and comes with two
/// different values (`header_list.hpp`), or two headers that contradict each other (`original_request.hpp`).
/// Length has no bound of its own: all headers of a request together have one (`server_options.hpp`), and a
/// value that is cut would make two callers one.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "frontend/attribute_map.hpp"
#include "http/client_address.hpp"
#include "http/original_request.hpp"
#include "http/query.hpp"

namespace starling::http {

inline constexpr std::size_t check_entries_max = query_entries_max + attributes_max;

class AttributeSources {
 public:
  /// No attributes but those of the query.
  AttributeSources() = default;
  AttributeSources(AttributeMap map, std::uint8_t trusted_hops)
      : map_(std::move(map)), client_(trusted_hops) {}

  /// `given`: what the query says, at most `query_entries_max`. The result has that first, and is valid until
  /// the next call. Shape: attributes x headers; no allocation once the buffers have grown.
  /// Errors are for the client: what was expected and what was found.
  tl::expected<std::span<const Entry>, std::string> gather(const Question& question,
                                                           std::span<const Entry> given);

 private:
  OriginalRequest::Found value_of(const Attribute& attribute, const Question& question);
  OriginalRequest::Found value_of(RequestFact fact, const Question& question);

  AttributeMap map_;
  ClientAddress client_{0};
  OriginalRequest original_;
  std::array<Entry, check_entries_max> entries_;
};

}  // namespace starling::http
