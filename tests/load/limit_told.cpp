#include "limit_told.hpp"

#include <charconv>
#include <cmath>
#include <exception>
#include <protozero/pbf_reader.hpp>

namespace starling::load {
namespace {

/// The number behind `key` in `object`. A quote inside of a JSON text is escaped, so a key is found only as a
/// key.
template <class Number>
bool number_of(std::string_view object, std::string_view key, Number& into) {
  const std::size_t at = object.find(key);
  if (at == std::string_view::npos) return false;
  return std::from_chars(object.data() + at + key.size(), object.data() + object.size(), into).ec ==
         std::errc{};
}

}  // namespace

std::optional<LimitTold> limit_told_by_http(std::string_view answer, const LimitName& name) {
  const std::string begins = "{\"rule\":\"" + name.rule + "\",";
  for (std::size_t at = answer.find(begins); at != std::string_view::npos; at = answer.find(begins, at + 1)) {
    const std::string_view object = answer.substr(at, answer.find('}', at + begins.size()) - at);
    LimitTold told;
    std::int64_t window_s = 0;
    if (!number_of(object, ",\"window_s\":", window_s) || window_s != name.window_s) continue;
    if (!number_of(object, ",\"window_id\":", told.window) || !number_of(object, ",\"limit\":", told.limit))
      continue;
    told.allowed = object.find(",\"allowed\":true") != std::string_view::npos;
    return told;
  }
  return std::nullopt;
}

std::optional<LimitTold> limit_told_by_grpc(std::string_view message, std::int64_t window_s,
                                            double decided_s) {
  enum : protozero::pbf_tag_type { statuses = 2 };                               // of RateLimitResponse
  enum : protozero::pbf_tag_type { code = 1, current_limit = 2, duration = 4 };  // of DescriptorStatus
  enum : protozero::pbf_tag_type { requests_per_unit = 1 };                      // of RateLimit
  enum : protozero::pbf_tag_type { seconds = 1 };                                // of Duration
  constexpr std::int32_t ok = 1;
  try {
    protozero::pbf_reader response(message.data(), message.size());
    while (response.next(statuses)) {
      protozero::pbf_reader status = response.get_message();
      LimitTold told;
      std::int64_t reset_s = 0;
      while (status.next()) {
        if (status.tag() == code) {
          told.allowed = status.get_enum() == ok;
        } else if (status.tag() == current_limit) {
          protozero::pbf_reader limit = status.get_message();
          while (limit.next(requests_per_unit)) told.limit = limit.get_uint32();
        } else if (status.tag() == duration) {
          protozero::pbf_reader reset = status.get_message();
          while (reset.next(seconds)) reset_s = reset.get_int64();
        } else {
          status.skip();
        }
      }
      if (told.limit == 0 || reset_s <= 0) continue;
      told.window = window_by_reset(reset_s, window_s, decided_s);
      return told;
    }
  } catch (const std::exception&) {  // not a message: whoever asks counts it as one that tells nothing
  }
  return std::nullopt;
}

std::int64_t window_by_reset(std::int64_t reset_s, std::int64_t window_s, double now_s) {
  const auto length_s = static_cast<double>(window_s);
  if (window_s == 1) return static_cast<std::int64_t>(std::floor(now_s));
  const double ends_s = now_s + static_cast<double>(reset_s) - 0.5;  // give or take half a second
  return std::llround(ends_s / length_s) - 1;
}

}  // namespace starling::load
