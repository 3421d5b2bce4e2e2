// The example of README.md, which quotes it from here on. An argument is the address to bind.
#include <uv.h>
#include <starling/node.hpp>

#include <cstdio>

int main(int argc, char** argv) {
  uv_loop_t* loop = uv_default_loop();
  starling::embed::Node node(loop, {.neighborhood = "", .bind = argc > 1 ? argv[1] : "127.0.0.1"});
  if (auto error = node.start()) return std::fprintf(stderr, "%s\n", error.message().c_str()), 1;

  // In a request's handler, on the loop's thread:
  const starling::Entry entries[] = {{"principal", "alice"}};
  const starling::Descriptor descriptors[] = {{.entries = entries}};
  const starling::Decision decision = node.decide({.descriptors = descriptors});
  std::puts(decision.allowed ? "200" : "429");

  node.stop([] {});  // tells the peers every hit, then lets go of the loop
  uv_run(loop, UV_RUN_DEFAULT);
  return uv_loop_close(loop);
}
