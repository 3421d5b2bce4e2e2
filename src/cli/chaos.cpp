#include "cli/chaos.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <string>

#include "cli/progress_bar.hpp"
#include "sim/chaos.hpp"

namespace starling::cli {

int tell_chaos(std::uint64_t seed) {
  const sim::ChaosReport report = sim::run_chaos({.seed = seed});
  for (const std::string& line : report.story) fmt::print("{}\n", line);
  fmt::print("{} requests, {} datagrams, {} checks, {:.1f} virtual seconds, trace {:016x}\n", report.requests,
             report.datagrams, report.checks, report.virtual_s, report.trace_hash);
  fmt::print("{}\n", report.failure.empty() ? "all checks passed" : report.failure);
  return report.failure.empty() ? 0 : 1;
}

int run_chaos_band(std::uint64_t first, std::uint64_t last) {
  std::uint64_t failed = 0;
  double virtual_s = 0;
  std::uint64_t checks = 0;
  ProgressBar bar;
  const double count = static_cast<double>(last - first) + 1;
  for (std::uint64_t done = 0; done <= last - first; ++done) {
    const sim::ChaosReport report = sim::run_chaos({.seed = first + done});
    virtual_s += report.virtual_s;
    checks += report.checks;
    bar.show(static_cast<double>(done) / count);
    if (report.failure.empty()) continue;
    ++failed;
    bar.clear();
    fmt::print("{}\n", report.failure);
    std::fflush(stdout);
  }
  bar.clear();
  fmt::print("seeds {}:{}: {} failed, {:.0f} virtual seconds, {} checks\n", first, last, failed, virtual_s,
             checks);
  return failed == 0 ? 0 : 1;
}

}  // namespace starling::cli
