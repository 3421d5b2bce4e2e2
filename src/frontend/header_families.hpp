/// Which header families the answers of the check API carry, as a value: any set of them in which no header
/// means two things.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace starling {

enum class HeaderFamily : std::uint8_t {
  ietf,         ///< RateLimit-Policy and RateLimit, structured fields (draft-ietf-httpapi-ratelimit-headers)
  x_ratelimit,  ///< X-RateLimit-Limit, -Remaining, -Reset in seconds
  spinnaker,    ///< X-RateLimit-Capacity, -Remaining, -Reset as a date, -Learning
  kong,         ///< RateLimit-Limit, -Remaining, -Reset and X-RateLimit-Limit-Minute and its like
};

std::string_view name(HeaderFamily family);

class HeaderFamilies {
 public:
  constexpr HeaderFamilies() = default;

  /// Reads a list such as "ietf,x-ratelimit", or "none". Error: what was expected, and what was found.
  static tl::expected<HeaderFamilies, std::string> parse(std::string_view text);

  constexpr bool has(HeaderFamily family) const { return (bits_ & bit(family)) != 0; }
  constexpr HeaderFamilies with(HeaderFamily family) const { return HeaderFamilies(bits_ | bit(family)); }
  friend constexpr bool operator==(HeaderFamilies, HeaderFamilies) = default;

 private:
  constexpr explicit HeaderFamilies(unsigned bits) : bits_(bits) {}
  static constexpr unsigned bit(HeaderFamily family) { return 1U << static_cast<unsigned>(family); }

  unsigned bits_ = 0;
};

inline constexpr std::string_view header_families_default_text = "ietf,x-ratelimit";
inline constexpr HeaderFamilies header_families_default =
    HeaderFamilies().with(HeaderFamily::ietf).with(HeaderFamily::x_ratelimit);

}  // namespace starling
