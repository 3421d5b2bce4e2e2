#include "frontend/rls_answer.hpp"

#include <algorithm>
#include <limits>

#include "frontend/ranked_limits.hpp"

namespace starling {
namespace {

constexpr std::uint32_t all = std::numeric_limits<std::uint32_t>::max();

constexpr std::uint32_t clamped(std::uint64_t number) {
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(number, all));
}

constexpr bool concerns(const LimitStatus& limit, std::size_t descriptor) {
  return (limit.descriptors >> descriptor & 1U) != 0;
}

constexpr bool may_be_quoted(char c) {
  return c >= ' ' && c < '\x7f' && c != '"' && c != '\\';
}

/// What may not stand between quotes as it is becomes %XX. `quotable` is a name that is known to need none of
/// that, and becomes this one if it needs none.
void append_safe_name(TextBuffer& out, std::string_view text, std::string& quotable) {
  const bool usual = text == quotable || (text.size() <= policy_name_bytes_max &&
                                          std::all_of(text.begin(), text.end(), may_be_quoted));
  if (usual) {
    if (text != quotable) quotable = text;
    out.append(text);
    return;
  }
  constexpr std::string_view hex = "0123456789ABCDEF";
  const std::size_t end = out.size() + policy_name_bytes_max;
  for (const char c : text) {
    const bool safe = may_be_quoted(c);
    if (out.size() + (safe ? 1 : 3) > end) return;
    if (safe) {
      out += c;
      continue;
    }
    out += '%';
    out += hex[static_cast<unsigned char>(c) >> 4U];
    out += hex[static_cast<unsigned char>(c) & 0xFU];
  }
}

}  // namespace

TextBuffer& RlsAnswer::begin_header(const HeaderName& name) {
  headers_.push_back({name.lower(), {}});
  header_places_.push_back({bytes_.size(), 0});
  return bytes_;
}

void RlsAnswer::end_header() {
  Place& place = header_places_.back();
  place.bytes = bytes_.size() - place.begin;
}

void RlsAnswer::add(const HeaderName& name, std::string_view value) {
  headers_.push_back({name.lower(), {}});
  header_places_.push_back({bytes_.size(), value.size()});
  bytes_.append(value);
}

RlsStatus RlsAnswer::status_of(std::size_t descriptor, const Decision& decision, const RankedLimits& ranked) {
  RlsStatus status;
  for (const LimitStatus* limit : ranked.all()) {
    if (!concerns(*limit, descriptor)) continue;
    if (denies(*limit)) status.code = RlsCode::over_limit;
    if (status.has_limit) continue;
    status.has_limit = true;
    status.remaining = clamped(limit->remaining);
    status.requests_per_unit = clamped(limit->limit);
    status.unit = rls_unit_of(limit->window_s);
    status.reset_s = reset_s(*limit);
    const std::size_t begin = bytes_.size();
    append_safe_name(bytes_, limit->rule, quotable_);
    status_names_[descriptor] = {begin, bytes_.size() - begin};
  }
  if (status.has_limit) return status;
  const bool unlimited =
      std::any_of(decision.limits.begin(), decision.limits.end(),
                  [&](const LimitStatus& limit) { return limit.unlimited && concerns(limit, descriptor); });
  if (unlimited) status.remaining = all;
  return status;
}

void RlsAnswer::assign(const Decision& decision, std::size_t descriptors_count, WallTime decided_at) {
  bytes_.clear();
  headers_.clear();
  header_places_.clear();
  overall_ = decision.allowed ? RlsCode::ok : RlsCode::over_limit;
  retry_after_s_ = decision.allowed ? 0 : starling::retry_after_s(decision);
  const RankedLimits ranked(decision);

  statuses_count_ = std::min(descriptors_count, statuses_.size());
  for (std::size_t i = 0; i < statuses_count_; ++i) {
    status_names_[i] = {};
    statuses_[i] = status_of(i, decision, ranked);
  }
  names_.assign(decision.limits);
  writer_.add(decision, ranked, names_, decided_at, *this);

  // Nothing grows from here on.
  for (std::size_t i = 0; i < statuses_count_; ++i) statuses_[i].name = at(status_names_[i]);
  for (std::size_t i = 0; i < headers_.size(); ++i) headers_[i].value = at(header_places_[i]);
}

}  // namespace starling
