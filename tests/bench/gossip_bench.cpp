// Gossip: packets (wire_bench.cpp), neighborhoods of one real engine (peers_bench.cpp), and a cluster of ten
// (cluster_bench.cpp). `gossip_bench --benchmark_out=FILE --benchmark_out_format=json` for machines.
#include <benchmark/benchmark.h>

BENCHMARK_MAIN();
