#include "plan.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

namespace starling::load {
namespace {

constexpr double ns_per_s = 1e9;
constexpr double seconds_max = 86'400;

template <class Number>
bool take(std::string_view& text, Number& into) {
  const std::size_t colon = std::min(text.find(':'), text.size());
  const auto [end, error] = std::from_chars(text.data(), text.data() + colon, into);
  const bool whole = error == std::errc{} && end == text.data() + colon;
  text.remove_prefix(std::min(colon + 1, text.size()));
  return whole;
}

}  // namespace

std::optional<Phase> read_phase(std::string_view text) {
  Phase phase;
  if (text.ends_with(':')) return std::nullopt;
  if (!take(text, phase.seconds) || !take(text, phase.rate)) return std::nullopt;
  if (!text.empty() && !take(text, phase.at_once)) return std::nullopt;
  const bool sound =
      std::isfinite(phase.rate) && phase.rate >= 0 && phase.seconds >= 0 && phase.seconds <= seconds_max;
  return sound && text.empty() ? std::optional(phase) : std::nullopt;
}

Plan::Plan(Options options)
    : options_(std::move(options)), target_(options_.weights.begin(), options_.weights.end()) {
  double seconds = 0;
  for (const Phase& phase : options_.phases) seconds += phase.seconds;
  end_ns_ = std::llround(seconds * ns_per_s);
  double sum = 0;
  for (std::uint32_t caller = 0; options_.zipf > 0 && caller < options_.callers; ++caller)
    callers_up_to_.push_back(sum += std::pow(caller + 1.0, -options_.zipf));
  if (!options_.phases.empty()) at_once_left_ = options_.phases.front().at_once;
  advance();
}

void Plan::advance() {
  next_.reset();
  while (phase_ < options_.phases.size()) {
    const Phase& phase = options_.phases[phase_];
    const double phase_ends_ns = phase_starts_ns_ + phase.seconds * ns_per_s;
    const bool at_once = at_once_left_ > 0;
    if (at_once) {
      --at_once_left_;
      at_ns_ = phase_starts_ns_;
    } else {
      at_ns_ += phase.rate > 0 ? gap_(random_) / phase.rate * ns_per_s : phase.seconds * ns_per_s;
    }
    if (at_once || at_ns_ < phase_ends_ns) {
      next_ = Due{.at_ns = std::llround(at_ns_), .target = target_(random_), .caller = draw_caller()};
      return;
    }
    phase_starts_ns_ = at_ns_ = phase_ends_ns;
    if (++phase_ < options_.phases.size()) at_once_left_ = options_.phases[phase_].at_once;
  }
}

std::uint32_t Plan::draw_caller() {
  if (callers_up_to_.empty()) return std::exchange(caller_, (caller_ + 1) % options_.callers);
  const double at = share_(random_) * callers_up_to_.back();
  const auto found = std::upper_bound(callers_up_to_.begin(), callers_up_to_.end(), at);
  return static_cast<std::uint32_t>(
      std::min<std::ptrdiff_t>(found - callers_up_to_.begin(), options_.callers - 1));
}

}  // namespace starling::load
