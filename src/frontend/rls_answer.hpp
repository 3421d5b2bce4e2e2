/// A `RateLimitResponse` of Envoy's Rate Limit Service (v3), for whatever encoding, made from a decision.
///
/// One status per descriptor, in their order. A descriptor is over its limit if one of its enforced limits
/// does not allow the request; what it tells of is the limit that `RankedLimits` puts first among its own. A
/// limit that only learns is told of and denies nothing. Without a matching rule there is nothing to tell,
/// and Envoy leaves such a status out of its headers. The headers are those of the check API, with names in
/// lower case, as HTTP/2 wants them; Envoy hands them to the client with every answer.
///
/// `RateLimit.name` is the rule's name, made safe: Envoy writes it between quotes into a header as it is.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/text_buffer.hpp"
#include "base/time.hpp"
#include "frontend/header_families.hpp"
#include "frontend/header_sink.hpp"
#include "frontend/policy_names.hpp"
#include "frontend/rate_limit_headers.hpp"
#include "frontend/rls_unit.hpp"
#include "starling/request.hpp"

namespace starling {

/// With the numbers of `RateLimitResponse.Code`; UNKNOWN is never answered, for Envoy would let it pass.
enum class RlsCode : std::uint8_t { ok = 1, over_limit = 2 };

constexpr std::string_view name(RlsCode code) {
  return code == RlsCode::ok ? "OK" : "OVER_LIMIT";
}

struct RlsStatus {
  RlsCode code = RlsCode::ok;
  std::uint32_t remaining = 0;  ///< all that fit if the descriptor is unlimited
  bool has_limit = false;       ///< false: nothing below means anything
  std::uint32_t requests_per_unit = 0;
  RlsUnit unit = RlsUnit::unknown;
  std::string_view name;      ///< printable ASCII without quotes; empty if the request brought the limit
  std::uint64_t reset_s = 0;  ///< at least 1
};

struct RlsHeader {
  std::string_view name;
  std::string_view value;
};

class RlsAnswer final : private HeaderSink {
 public:
  explicit RlsAnswer(HeaderFamilies families) : writer_(families) {}

  /// `decided_at`: the wall clock by which it was decided.
  void assign(const Decision& decision, std::size_t descriptors_count, WallTime decided_at);

  // Valid until the next `assign`.
  RlsCode overall() const { return overall_; }
  std::span<const RlsStatus> statuses() const { return std::span(statuses_).first(statuses_count_); }
  std::span<const RlsHeader> headers() const { return headers_; }
  std::uint64_t retry_after_s() const { return retry_after_s_; }  ///< 0 unless the request is denied

 private:
  struct Place {
    std::size_t begin = 0;
    std::size_t bytes = 0;
  };

  RlsStatus status_of(std::size_t descriptor, const Decision& decision, const RankedLimits& ranked);
  std::string_view at(const Place& place) const { return bytes_.view().substr(place.begin, place.bytes); }
  TextBuffer& begin_header(const HeaderName& name) override;
  void end_header() override;
  void add(const HeaderName& name, std::string_view value) override;

  RateLimitHeaders writer_;
  PolicyNames names_;
  RlsCode overall_ = RlsCode::ok;
  std::uint64_t retry_after_s_ = 0;
  std::array<RlsStatus, descriptors_per_request_max> statuses_;
  std::array<Place, descriptors_per_request_max> status_names_;
  std::size_t statuses_count_ = 0;
  std::vector<RlsHeader> headers_;
  std::vector<Place> header_places_;  ///< of their values
  std::string quotable_;              ///< the last rule's name that may be quoted as it is
  TextBuffer bytes_;  ///< of names of limits and values; moves while it grows, hence the places
};

}  // namespace starling
