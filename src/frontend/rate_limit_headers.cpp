#include "frontend/rate_limit_headers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <string_view>

#include "frontend/http_date.hpp"

namespace starling {
namespace {

namespace header {
constexpr HeaderName policy("RateLimit-Policy");
constexpr HeaderName left("RateLimit");
constexpr HeaderName x_limit("X-RateLimit-Limit");
constexpr HeaderName x_remaining("X-RateLimit-Remaining");
constexpr HeaderName x_reset("X-RateLimit-Reset");
constexpr HeaderName x_capacity("X-RateLimit-Capacity");
constexpr HeaderName x_learning("X-RateLimit-Learning");
constexpr HeaderName limit("RateLimit-Limit");
constexpr HeaderName remaining("RateLimit-Remaining");
constexpr HeaderName reset("RateLimit-Reset");
constexpr HeaderName learning("Starling-Learning");
constexpr HeaderName retry_after("Retry-After");
}  // namespace header

/// The largest integer of a structured field (RFC 9651, section 3.3.1).
constexpr std::uint64_t sf_integer_max = 999'999'999'999'999;

void append_sf_integer(TextBuffer& out, std::uint64_t number) {
  out.append_number(std::min(number, sf_integer_max));
}

/// `text` is printable ASCII.
void append_sf_string(TextBuffer& out, std::string_view text, bool quotable) {
  out += '"';
  if (quotable) {
    out += text;  // as usual
  } else {
    for (const char c : text) {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
  }
  out += '"';
}

std::string_view view(const fmt::format_int& number) {
  return {number.data(), number.size()};
}

void add(HeaderSink& headers, const HeaderName& name, std::uint64_t number) {
  headers.add(name, view(fmt::format_int(number)));
}

void add_ietf(std::span<const LimitStatus* const> limits, const PolicyNames& names, HeaderSink& headers) {
  limits = limits.first(std::min(limits.size(), policies_per_answer_max));
  TextBuffer& policies = headers.begin_header(header::policy);
  for (const LimitStatus* limit : limits) {
    if (limit != limits.front()) policies += ", ";
    append_sf_string(policies, names.of(*limit), names.is_quotable(*limit));
    policies += ";q=";
    append_sf_integer(policies, limit->limit);
    policies += ";w=";
    append_sf_integer(policies, limit->window_s);
  }
  headers.end_header();
  TextBuffer& left = headers.begin_header(header::left);
  for (const LimitStatus* limit : limits) {
    if (limit != limits.front()) left += ", ";
    append_sf_string(left, names.of(*limit), names.is_quotable(*limit));
    left += ";r=";
    append_sf_integer(left, limit->remaining);
    left += ";t=";
    append_sf_integer(left, reset_s(*limit));
  }
  headers.end_header();
}

void add_x_ratelimit(const LimitStatus& tightest, HeaderSink& headers) {
  add(headers, header::x_limit, tightest.limit);
  add(headers, header::x_remaining, tightest.remaining);
  add(headers, header::x_reset, reset_s(tightest));
}

/// Seconds since the epoch, rounded up.
std::uint64_t reset_at_s(const LimitStatus& limit, WallTime decided_at) {
  const std::uint64_t now_ms = ms_since_epoch(decided_at);
  const std::uint64_t at_ms = limit.reset_ms > std::numeric_limits<std::uint64_t>::max() - now_ms
                                  ? std::numeric_limits<std::uint64_t>::max()
                                  : now_ms + limit.reset_ms;
  return at_ms / 1000 + (at_ms % 1000 == 0 ? 0 : 1);
}

void add_spinnaker(const LimitStatus& tightest, bool learning, WallTime decided_at, HeaderSink& headers) {
  add(headers, header::x_capacity, tightest.limit);
  add(headers, header::x_remaining, tightest.remaining);
  append_http_date(headers.begin_header(header::x_reset), reset_at_s(tightest, decided_at));
  headers.end_header();
  headers.add(header::x_learning, learning ? "true" : "false");
}

struct KongWindow {
  std::uint32_t window_s;
  HeaderName limit_header;
  HeaderName remaining_header;
};

constexpr std::uint32_t day_s = 86'400;
constexpr std::array kong_windows{
    KongWindow{1, HeaderName("X-RateLimit-Limit-Second"), HeaderName("X-RateLimit-Remaining-Second")},
    KongWindow{60, HeaderName("X-RateLimit-Limit-Minute"), HeaderName("X-RateLimit-Remaining-Minute")},
    KongWindow{3'600, HeaderName("X-RateLimit-Limit-Hour"), HeaderName("X-RateLimit-Remaining-Hour")},
    KongWindow{day_s, HeaderName("X-RateLimit-Limit-Day"), HeaderName("X-RateLimit-Remaining-Day")},
    KongWindow{30 * day_s, HeaderName("X-RateLimit-Limit-Month"), HeaderName("X-RateLimit-Remaining-Month")},
    KongWindow{365 * day_s, HeaderName("X-RateLimit-Limit-Year"), HeaderName("X-RateLimit-Remaining-Year")},
};

void add_kong(std::span<const LimitStatus* const> limits, HeaderSink& headers) {
  add(headers, header::limit, limits.front()->limit);
  add(headers, header::remaining, limits.front()->remaining);
  add(headers, header::reset, reset_s(*limits.front()));
  for (const KongWindow& window : kong_windows) {
    const LimitStatus* least = nullptr;
    for (const LimitStatus* limit : limits)
      if (limit->window_s == window.window_s && (least == nullptr || limit->remaining < least->remaining))
        least = limit;
    if (least == nullptr) continue;
    add(headers, window.limit_header, least->limit);
    add(headers, window.remaining_header, least->remaining);
  }
}

}  // namespace

const RateLimitHeaders::Texts& RateLimitHeaders::texts_of(const LimitStatus& limit,
                                                          const PolicyNames& names) {
  // Spread by what limits of one rules file differ in.
  Texts& texts =
      texts_[(limit.rule_index * 31 + limit.override_index * 7 + limit.limit + limit.window_s) % texts_count];
  if (texts.window_s == limit.window_s && texts.limit == limit.limit && texts.rule == limit.rule)
    return texts;
  texts.rule = limit.rule;
  texts.limit = limit.limit;
  texts.window_s = limit.window_s;
  texts.limit_digits.clear();
  texts.limit_digits.append_number(limit.limit);
  if (!families_.has(HeaderFamily::ietf)) return texts;
  texts.policy.clear();
  append_sf_string(texts.policy, names.of(limit), names.is_quotable(limit));
  texts.left.clear();
  texts.left.append(texts.policy.view(), ";r=");
  texts.policy += ";q=";
  append_sf_integer(texts.policy, limit.limit);
  texts.policy += ";w=";
  append_sf_integer(texts.policy, limit.window_s);
  return texts;
}

void RateLimitHeaders::add_only(const LimitStatus& limit, const PolicyNames& names, HeaderSink& headers) {
  const Texts& texts = texts_of(limit, names);
  const fmt::format_int remaining(limit.remaining);
  const fmt::format_int reset(reset_s(limit));
  if (families_.has(HeaderFamily::ietf)) {
    headers.add(header::policy, texts.policy.view());
    headers.begin_header(header::left).append(texts.left.view(), view(remaining), ";t=", view(reset));
    headers.end_header();
  }
  if (families_.has(HeaderFamily::x_ratelimit)) {
    headers.add(header::x_limit, texts.limit_digits.view());
    headers.add(header::x_remaining, view(remaining));
    headers.add(header::x_reset, view(reset));
  }
}

void RateLimitHeaders::add(const Decision& decision, const RankedLimits& ranked, const PolicyNames& names,
                           WallTime decided_at, HeaderSink& headers) {
  if (const LimitStatus* tightest = ranked.tightest()) {
    // A rule's name is kept only if it is of usual length, and a number only as long as all families write it
    // alike.
    const bool usual = ranked.all().size() == 1 && tightest->rule.size() <= policy_name_bytes_max &&
                       tightest->limit <= sf_integer_max && tightest->remaining <= sf_integer_max &&
                       tightest->reset_ms <= sf_integer_max && tightest->window_s > 0;
    if (usual) {
      add_only(*tightest, names, headers);
    } else {
      if (families_.has(HeaderFamily::ietf)) add_ietf(ranked.all(), names, headers);
      if (families_.has(HeaderFamily::x_ratelimit)) add_x_ratelimit(*tightest, headers);
    }
    if (families_.has(HeaderFamily::spinnaker))
      add_spinnaker(*tightest, decision.learned || !tightest->enforced, decided_at, headers);
    if (families_.has(HeaderFamily::kong)) add_kong(ranked.all(), headers);
  }
  if (decision.learned) headers.add(header::learning, "true");
  if (!decision.allowed) starling::add(headers, header::retry_after, retry_after_s(decision));
}

}  // namespace starling
