/// What the limits of one decision are called towards clients: in RateLimit-Policy, RateLimit and in problem
/// documents, in all of them the same.
///
/// A limit is called like its rule; with its window, "login-60s", if the rule has more than one limit here;
/// and with a number, "login-60s-2", if that is still not unique, because two descriptors of the request led
/// to the same limit. Structured fields take printable ASCII only, so other bytes are percent-encoded.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "starling/request.hpp"

namespace starling {

inline constexpr std::size_t policy_name_bytes_max = 64;  ///< of a rule's name; longer ones are cut

/// One object serves all answers, so that naming allocates nothing once its buffer has grown. Names are made
/// when somebody asks for one: most answers know theirs already (`rate_limit_headers.hpp`).
class PolicyNames {
 public:
  /// Names what is not unlimited. `limits` stay as they are as long as names are asked for.
  void assign(std::span<const LimitStatus> limits);

  /// `limit` is one of those that were assigned. Valid until the next `assign`.
  std::string_view of(const LimitStatus& limit) const {
    if (!made_) make();
    return at(static_cast<std::size_t>(&limit - limits_.data()));
  }
  /// True if the name can stand between double quotes as it is.
  bool is_quotable(const LimitStatus& limit) const {
    if (!made_) make();
    return places_[static_cast<std::size_t>(&limit - limits_.data())].quotable;
  }

 private:
  struct Place {
    std::size_t begin = 0;
    std::size_t bytes = 0;
    bool quotable = true;
  };

  std::string_view at(std::size_t i) const {
    return std::string_view(bytes_).substr(places_[i].begin, places_[i].bytes);
  }
  bool is_taken(std::size_t i) const;
  void make() const;

  std::span<const LimitStatus> limits_;
  mutable bool made_ = true;  ///< of what follows, which is nothing but the names of `limits_`
  mutable std::string bytes_;
  mutable std::array<Place, limits_per_request_max> places_{};
};

}  // namespace starling
