#include "node/denial_log.hpp"

#include <bit>
#include <utility>

#include "limiter/duration_text.hpp"
#include "limiter/principal_text.hpp"

namespace starling {
namespace {

constexpr std::uint8_t said_denied = 1;
constexpr std::uint8_t said_learning = 2;
constexpr std::string_view rule_of_requests = "(request)";  // as in the metrics

}  // namespace

DenialLog::DenialLog(Log log) : log_(std::move(log)) {
  rows_.reserve(rows_max);
}

void DenialLog::on_denied(const Request& request, const Decision& decision,
                          std::span<const CounterId> counters, const RuleSet& rules, Instant now,
                          WallTime wall) {
  for (std::size_t i = 0; i < decision.limits.size() && i < counters.size(); ++i) {
    const LimitStatus& status = decision.limits[i];
    if (status.allowed || status.unlimited || status.hits == 0) continue;
    if (note(counters[i], status.enforced ? said_denied : said_learning, now, wall))
      say(request, status, rules);
  }
}

/// True if it is to be said.
bool DenialLog::note(const CounterId& counter, std::uint8_t saying, Instant now, WallTime wall) {
  const auto found = rows_.find(counter);
  if (found != rows_.end() && (found->second & saying) != 0) return false;
  if (found == rows_.end() && rows_.size() >= rows_max && now >= forget_again_) forget(now, wall);
  const bool has_room = found != rows_.end() || rows_.size() < rows_max;
  if (!has_room || !take_line(now)) {
    ++unsaid_;
    if (saying == said_learning) ++unsaid_learning_;
    return false;
  }
  rows_[counter] |= saying;
  return true;
}

bool DenialLog::take_line(Instant now) {
  if (now >= second_ends_) {
    second_ends_ = now + std::chrono::seconds(1);
    lines_in_second_ = 0;
  }
  if (lines_in_second_ >= lines_per_s_max) return false;
  ++lines_in_second_;
  return true;
}

void DenialLog::say(const Request& request, const LimitStatus& status, const RuleSet& rules) {
  text_.clear();
  const Rule* rule = status.rule_index < rules.rules.size() ? &rules.rules[status.rule_index] : nullptr;
  const auto index = static_cast<std::size_t>(std::countr_zero(status.descriptors));
  if (index < request.descriptors.size()) write_principal(rule, request.descriptors[index], text_);
  log_->info({{"rule", status.rule.empty() ? rule_of_requests : status.rule},
              {"principal", text_},
              {"limit", status.limit},
              {"per", format_duration(std::chrono::seconds(status.window_s))},
              {"reason", name(status.denial)},
              {"learning", !status.enforced}},
             "{}", status.enforced ? "denied" : "would be denied, but the limit only learns");
}

/// Of a clock that was stepped, windows that are yet to come have no better right to a row than those past.
void DenialLog::forget(Instant now, WallTime wall) {
  forget_again_ = now + forget_interval_min;
  absl::erase_if(rows_, [&](const auto& row) {
    const Window& window = row.first.window;
    return Window::at(wall, window.length_s).id != window.id;
  });
}

void DenialLog::tend(Instant now, WallTime wall) {
  forget(now, wall);
  if (unsaid_ == 0 || now < sum_again_) return;
  sum_again_ = now + summed_every;
  tell_sum();
}

void DenialLog::tell_sum() {
  if (unsaid_ == 0) return;
  log_->info({{"count", std::exchange(unsaid_, 0)}, {"learning_count", std::exchange(unsaid_learning_, 0)}},
             "denials without lines of their own: more callers are denied than the log has room for");
}

}  // namespace starling
