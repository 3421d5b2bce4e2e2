#include "frontend/http_date.hpp"

#include <algorithm>
#include <chrono>
#include <string_view>

namespace starling {
namespace {

constexpr std::uint64_t last_second = 253'402'300'799;  // 9999-12-31 23:59:59
constexpr std::string_view weekdays = "SunMonTueWedThuFriSat";
constexpr std::string_view months = "JanFebMarAprMayJunJulAugSepOctNovDec";

void append_digits(TextBuffer& out, unsigned number, unsigned divisor) {
  for (; divisor > 0; divisor /= 10) out += static_cast<char>('0' + number / divisor % 10);
}

}  // namespace

void append_http_date(TextBuffer& out, std::uint64_t epoch_s) {
  const std::chrono::sys_seconds at{
      std::chrono::seconds(static_cast<std::int64_t>(std::min(epoch_s, last_second)))};
  const auto midnight = std::chrono::floor<std::chrono::days>(at);
  const std::chrono::year_month_day day(midnight);
  const auto second = static_cast<unsigned>((at - midnight).count());
  out += weekdays.substr(std::size_t{std::chrono::weekday(midnight).c_encoding()} * 3, 3);
  out += ", ";
  append_digits(out, static_cast<unsigned>(day.day()), 10);
  out += ' ';
  out += months.substr((std::size_t{static_cast<unsigned>(day.month())} - 1) * 3, 3);
  out += ' ';
  append_digits(out, static_cast<unsigned>(static_cast<int>(day.year())), 1000);
  out += ' ';
  append_digits(out, second / 3600, 10);
  out += ':';
  append_digits(out, second / 60 % 60, 10);
  out += ':';
  append_digits(out, second % 60, 10);
  out += " GMT";
}

}  // namespace starling
