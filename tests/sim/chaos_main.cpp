// Runs scenarios: `chaos A:B` a band of seeds, one line for each that fails; `chaos SEED` one, with its
// story.
#include <fmt/format.h>

#include <cinttypes>
#include <cstdio>
#include <cstring>

#include "sim/chaos.hpp"

using namespace starling::sim;

namespace {

int tell(std::uint64_t seed) {
  const ChaosReport report = run_chaos({.seed = seed});
  for (const std::string& line : report.story) fmt::print("{}\n", line);
  fmt::print("{} requests, {} datagrams, {} checks, {:.1f} s, trace {:016x}\n", report.requests,
             report.datagrams, report.checks, report.virtual_s, report.trace_hash);
  if (!report.failure.empty()) fmt::print("{}\n", report.failure);
  return report.failure.empty() ? 0 : 1;
}

int run(std::uint64_t first, std::uint64_t last) {
  std::uint64_t failed = 0;
  double virtual_s = 0;
  std::uint64_t checks = 0;
  for (std::uint64_t seed = first; seed <= last; ++seed) {
    const ChaosReport report = run_chaos({.seed = seed});
    virtual_s += report.virtual_s;
    checks += report.checks;
    if (report.failure.empty()) continue;
    ++failed;
    fmt::print("{}\n", report.failure);
    std::fflush(stdout);
  }
  fmt::print("seeds {}:{}: {} failed, {:.0f} virtual seconds, {} checks\n", first, last, failed, virtual_s,
             checks);
  return failed == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  if (argc == 2 && std::sscanf(argv[1], "%" SCNu64 ":%" SCNu64, &first, &last) == 2) return run(first, last);
  if (argc == 2 && std::sscanf(argv[1], "%" SCNu64, &first) == 1) return tell(first);
  fmt::print(stderr, "chaos: expected a seed or two as in 1:100, found {} arguments\n", argc - 1);
  return 2;
}
