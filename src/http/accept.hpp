/// Reads `Accept`: how welcome each of the media types is that we could answer with.
///
/// Of the ranges that match a type the most specific one counts ("application/json" before "application/*"
/// before "*/*"), whatever its place in the list. A range with parameters matches nothing of ours, but for
/// `charset=utf-8`, which is how all of it is written. Source: RFC 9110, sections 12.4.2 and 12.5.1.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace starling::http {

struct MediaType {
  std::string_view type;     ///< "application"
  std::string_view subtype;  ///< "json"
};

struct Welcome {
  int quality = 0;  ///< in thousandths; 0: not acceptable
  int specificity =
      0;  ///< of the range that matched: 3 named it, 2 named its type, 1 was */*, 0 there was none

  friend bool operator==(const Welcome&, const Welcome&) = default;
};

/// Reads one `Accept` field into `welcomes`, one for each of `offers`; several fields of a request are read
/// one after the other. False: it is malformed, and `welcomes` is not to be used.
bool read_accept(std::string_view value, std::span<const MediaType> offers, std::span<Welcome> welcomes);

}  // namespace starling::http
