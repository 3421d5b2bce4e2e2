// What the generator prints at the end: one line of JSON.
#include <cstdio>
#include <string>

#include "ledger.hpp"
#include "load.hpp"

namespace starling::load {
namespace {

using Whole = unsigned long long;

void print_quantiles(const char* name, const Histogram& histogram) {
  const auto us = [&](double share) { return static_cast<double>(histogram.quantile(share)) / 1e3; };
  std::printf(", \"%s\": {\"p50\": %.1f, \"p90\": %.1f, \"p99\": %.1f, \"p999\": %.1f, \"max\": %.1f}", name,
              us(0.5), us(0.9), us(0.99), us(0.999), static_cast<double>(histogram.max()) / 1e3);
}

void print_window(const WindowCounts& window) {
  std::printf("{\"window\": %lld, \"limit\": %llu, \"offered\": %llu, \"allowed\": %llu, \"denied\": %llu, ",
              static_cast<long long>(window.window), static_cast<Whole>(window.limit),
              static_cast<Whole>(window.offered), static_cast<Whole>(window.allowed),
              static_cast<Whole>(window.denied));
  std::printf(
      "\"denied_elsewhere\": %llu, \"lost\": %llu, \"over_admission\": %llu, \"over_admission_worst\": "
      "%llu, ",
      static_cast<Whole>(window.denied_elsewhere), static_cast<Whole>(window.lost),
      static_cast<Whole>(window.over_admission), static_cast<Whole>(window.over_admission_worst));
  std::printf(
      "\"false_certain\": %llu, \"false_possible\": %llu, \"callers\": %llu, \"pressed_callers\": %llu, ",
      static_cast<Whole>(window.false_certain), static_cast<Whole>(window.false_possible),
      static_cast<Whole>(window.callers), static_cast<Whole>(window.pressed_callers));
  std::printf("\"pressed_offered\": %llu, \"pressed_allowed\": %llu, \"targets\": [",
              static_cast<Whole>(window.pressed_offered), static_cast<Whole>(window.pressed_allowed));
  for (const TargetCounts& target : window.targets)
    std::printf("%s{\"offered\": %llu, \"allowed\": %llu}", &target == &window.targets.front() ? "" : ", ",
                static_cast<Whole>(target.offered), static_cast<Whole>(target.allowed));
  std::printf("]}");
}

/// For texts of the operating system.
std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) out += c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20 ? '?' : c;
  return out + '"';
}

}  // namespace

void Load::print() const {
  const Counts all = sum();
  std::printf(
      "{\"requests\": %llu, \"seconds\": %.6f, \"rate\": %.1f, \"offered\": %llu, \"allowed\": %llu, "
      "\"denied\": %llu, ",
      static_cast<Whole>(latency_ns_.count()), took_s_, static_cast<double>(latency_ns_.count()) / took_s_,
      static_cast<Whole>(all.offered), static_cast<Whole>(all.allowed), static_cast<Whole>(all.denied));
  std::printf(
      "\"failed\": %llu, \"lost\": %llu, \"unsent\": %llu, \"untold\": %llu, \"redirected\": %llu, "
      "\"began\": %.6f, "
      "\"ended\": %.6f",
      static_cast<Whole>(all.failed), static_cast<Whole>(all.lost), static_cast<Whole>(unsent()),
      static_cast<Whole>(all.untold), static_cast<Whole>(all.redirected), wall_s(start_), wall_s(end_));
  print_quantiles("latency_us", latency_ns_);
  print_quantiles("lag_us", lag_ns_);
  std::printf(", \"targets\": [");
  for (const Target& target : targets_) {
    const Counts& counts = target.counts;
    std::printf(
        "%s{\"offered\": %llu, \"allowed\": %llu, \"denied\": %llu, \"failed\": %llu, \"lost\": %llu, "
        "\"unsent\": %llu, "
        "\"redirected\": %llu, \"problem\": %s}",
        &target == &targets_.front() ? "" : ", ", static_cast<Whole>(counts.offered),
        static_cast<Whole>(counts.allowed), static_cast<Whole>(counts.denied),
        static_cast<Whole>(counts.failed), static_cast<Whole>(counts.lost),
        static_cast<Whole>(target.waiting.size()), static_cast<Whole>(counts.redirected),
        target.problem.empty() ? "null" : quoted(target.problem).c_str());
  }
  std::printf("], \"windows\": [");
  const char* separator = "";
  for (const WindowCounts& window : count_windows(answers_, targets_.size())) {
    std::printf("%s", separator);
    print_window(window);
    separator = ", ";
  }
  std::printf("]}\n");
}

}  // namespace starling::load
