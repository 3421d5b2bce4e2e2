#include "frontend/rate_limit_headers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <concepts>
#include <limits>
#include <string>
#include <string_view>
#include <utility>

#include "frontend/http_date.hpp"

namespace starling {
namespace {

/// The largest integer of a structured field (RFC 9651, section 3.3.1).
constexpr std::uint64_t sf_integer_max = 999'999'999'999'999;

void append_sf_integer(std::string& out, std::uint64_t number) {
  const fmt::format_int digits(std::min(number, sf_integer_max));
  out.append(digits.data(), digits.size());
}

/// `text` is printable ASCII.
void append_sf_string(std::string& out, std::string_view text) {
  const auto needs_escape = [](char c) { return c == '"' || c == '\\'; };
  out += '"';
  while (!text.empty()) {
    const auto plain = std::find_if(text.begin(), text.end(), needs_escape);
    out.append(text.begin(), plain);
    text.remove_prefix(static_cast<std::size_t>(plain - text.begin()));
    if (text.empty()) break;
    out += '\\';
    out += text.front();
    text.remove_prefix(1);
  }
  out += '"';
}

void add(HeaderSink& headers, std::string_view name, std::uint64_t number) {
  const fmt::format_int digits(number);
  headers.begin_header(name).append(digits.data(), digits.size());
  headers.end_header();
}

void add(HeaderSink& headers, std::string_view name, std::string_view text) {
  headers.begin_header(name).append(text);
  headers.end_header();
}

template <std::invocable<std::string&> Write>
void add(HeaderSink& headers, std::string_view name, Write&& write) {
  std::forward<Write>(write)(headers.begin_header(name));
  headers.end_header();
}

void add_ietf(std::span<const LimitStatus* const> limits, const PolicyNames& names, HeaderSink& headers) {
  limits = limits.first(std::min(limits.size(), policies_per_answer_max));
  add(headers, "RateLimit-Policy", [&](std::string& out) {
    for (const LimitStatus* limit : limits) {
      if (limit != limits.front()) out += ", ";
      append_sf_string(out, names.of(*limit));
      out += ";q=";
      append_sf_integer(out, limit->limit);
      out += ";w=";
      append_sf_integer(out, limit->window_s);
    }
  });
  add(headers, "RateLimit", [&](std::string& out) {
    for (const LimitStatus* limit : limits) {
      if (limit != limits.front()) out += ", ";
      append_sf_string(out, names.of(*limit));
      out += ";r=";
      append_sf_integer(out, limit->remaining);
      out += ";t=";
      append_sf_integer(out, reset_s(*limit));
    }
  });
}

void add_x_ratelimit(const LimitStatus& tightest, HeaderSink& headers) {
  add(headers, "X-RateLimit-Limit", tightest.limit);
  add(headers, "X-RateLimit-Remaining", tightest.remaining);
  add(headers, "X-RateLimit-Reset", reset_s(tightest));
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
  add(headers, "X-RateLimit-Capacity", tightest.limit);
  add(headers, "X-RateLimit-Remaining", tightest.remaining);
  add(headers, "X-RateLimit-Reset",
      [&](std::string& out) { append_http_date(out, reset_at_s(tightest, decided_at)); });
  add(headers, "X-RateLimit-Learning", learning ? "true" : "false");
}

struct KongWindow {
  std::uint32_t window_s;
  std::string_view limit_header;
  std::string_view remaining_header;
};

constexpr std::uint32_t day_s = 86'400;
constexpr std::array kong_windows{
    KongWindow{1, "X-RateLimit-Limit-Second", "X-RateLimit-Remaining-Second"},
    KongWindow{60, "X-RateLimit-Limit-Minute", "X-RateLimit-Remaining-Minute"},
    KongWindow{3'600, "X-RateLimit-Limit-Hour", "X-RateLimit-Remaining-Hour"},
    KongWindow{day_s, "X-RateLimit-Limit-Day", "X-RateLimit-Remaining-Day"},
    KongWindow{30 * day_s, "X-RateLimit-Limit-Month", "X-RateLimit-Remaining-Month"},
    KongWindow{365 * day_s, "X-RateLimit-Limit-Year", "X-RateLimit-Remaining-Year"},
};

void add_kong(std::span<const LimitStatus* const> limits, HeaderSink& headers) {
  add(headers, "RateLimit-Limit", limits.front()->limit);
  add(headers, "RateLimit-Remaining", limits.front()->remaining);
  add(headers, "RateLimit-Reset", reset_s(*limits.front()));
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

void RateLimitHeaders::add(const Decision& decision, const RankedLimits& ranked, const PolicyNames& names,
                           WallTime decided_at, HeaderSink& headers) const {
  if (const LimitStatus* tightest = ranked.tightest()) {
    if (families_.has(HeaderFamily::ietf)) add_ietf(ranked.all(), names, headers);
    if (families_.has(HeaderFamily::x_ratelimit)) add_x_ratelimit(*tightest, headers);
    if (families_.has(HeaderFamily::spinnaker))
      add_spinnaker(*tightest, decision.learned || !tightest->enforced, decided_at, headers);
    if (families_.has(HeaderFamily::kong)) add_kong(ranked.all(), headers);
  }
  if (decision.learned) starling::add(headers, "Starling-Learning", "true");
  if (!decision.allowed) starling::add(headers, "Retry-After", retry_after_s(decision));
}

}  // namespace starling
