// What the core costs: an engine is asked as a node asks it. By hand, or by `scripts/bench`:
//   core_bench --benchmark_format=json
#include <benchmark/benchmark.h>

#include "core_world.hpp"

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  starling::bench::register_decide();
  starling::bench::register_rules();
  starling::bench::register_memory();
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
