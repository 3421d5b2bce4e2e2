// starling-load: the load generator of scripts/loadtest and scripts/bench.
#include "load.hpp"

int main(int argc, char** argv) {
  starling::load::Load load(starling::load::read_options(argc, argv));
  load.run();
  load.print();
  return 0;
}
