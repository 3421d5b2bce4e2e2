// Two embedded nodes on one loop of one process hold one limit together, leave, and the loop closes.
// Arguments: two addresses. The second life of the loop shows that nothing of the first was left in it.
#include <uv.h>
#include <starling/node.hpp>

#include <cstdio>
#include <memory>
#include <string>

using starling::embed::Node;
using starling::embed::NodeOptions;

namespace {

constexpr int limit = 100;
const std::string rules =
    "rules:\n  - name: each\n    match: {principal: '*'}\n    limits: [{requests: 100, per: 366d}]\n";

struct Pair {
  std::unique_ptr<Node> nodes[2];
  uv_timer_t timer{};
  int admitted = 0;
  int asked = 0;

  bool decide(Node& node) {
    const starling::Entry entries[] = {{"principal", "alice"}};
    const starling::Descriptor descriptors[] = {{.entries = entries}};
    return node.decide({.descriptors = descriptors}).allowed;
  }

  void on_timer() {
    for (const auto& node : nodes)
      if (!node->ready() || node->status().counts.cluster_size != 2) return;
    for (const auto& node : nodes) {
      admitted += decide(*node);
      ++asked;
    }
    if (asked < 2 * limit) return;
    uv_close(reinterpret_cast<uv_handle_t*>(&timer), nullptr);
    for (auto& node : nodes) node->stop([&node] { node.reset(); });  // it may be destroyed in here
  }
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return std::fputs("expected two addresses\n", stderr), 2;
  const std::string both = std::string(argv[1]) + "," + argv[2];
  for (int life = 0; life < 2; ++life) {
    uv_loop_t loop;
    uv_loop_init(&loop);
    Pair pair;
    for (int i = 0; i < 2; ++i) {
      pair.nodes[i] = std::make_unique<Node>(&loop, NodeOptions{.neighborhood = both,
                                                                .bind = argv[i + 1],
                                                                .cluster = "two-" + both,
                                                                .node_name = "two-" + std::to_string(i),
                                                                .rules = rules,
                                                                .settings = {{"max-counters", "1000"}}});
      if (auto error = pair.nodes[i]->start())
        return std::fprintf(stderr, "%s\n", error.message().c_str()), 1;
    }
    uv_timer_init(&loop, &pair.timer);
    pair.timer.data = &pair;
    uv_timer_start(
        &pair.timer, [](uv_timer_t* timer) { static_cast<Pair*>(timer->data)->on_timer(); }, 1, 2);
    uv_run(&loop, UV_RUN_DEFAULT);
    const int closed = uv_loop_close(&loop);
    std::printf("admitted %d of %d, loop closed: %d\n", pair.admitted, limit, closed);
    if (closed != 0 || pair.admitted < limit || pair.admitted > limit + 2) return 1;
  }
  return 0;
}
