/// `Node` of the public API: the node inside on the caller's loop, and nothing that throws.
#include "node/node.hpp"

#include <starling/node.hpp>

#include <exception>
#include <new>
#include <optional>
#include <utility>

#include "embed/callback_log.hpp"
#include "embed/options_reader.hpp"
#include "embed/public_view.hpp"
#include "embed/stopper.hpp"
#include "node/key_file.hpp"

namespace starling::embed {
namespace {

constexpr std::string_view out_of_memory =
    "out of memory: expected room for max-counters counters; choose fewer";

}  // namespace

struct Node::Impl {
  Impl(uv_loop_s* callers, NodeOptions given)
      : loop(*callers), options(std::move(given)), log(make_callback_log(options.log, options.log_level)) {}

  Error start();
  bool has_left();
  void on_failure(std::string_view what) noexcept;
  Status status() const;

  Loop loop;
  NodeOptions options;
  Log log;
  std::optional<starling::Node> node;  // there while started and not closed
  bool tried = false;
  bool stopping = false;
  Status last;  // as it was when the node closed
  std::chrono::milliseconds drain_timeout{};
  std::string key_file;
  std::function<void()> on_stopped;
  std::optional<Stopper> stopper;
};

Error Node::Impl::start() {
  if (std::exchange(tried, true))
    return Error("expected a fresh node, found one that was started before; make another one");
  if (stopping) return Error("expected a fresh node, found one that was stopped; make another one");
  auto plan = read_options(options);
  if (!plan) return Error(std::move(plan.error()));
  for (const std::string& warning : plan->warnings) log->warn("{}", warning);
  drain_timeout = plan->options.settings.drain_timeout;
  key_file = plan->options.settings.key_file;
  node.emplace(loop, std::move(plan->options), log);
  if (auto started = node->start(); !started) {
    node.reset();
    return Error(without_dashes(started.error()));
  }
  return {};
}

void Node::Impl::on_failure(std::string_view what) noexcept {
  node->report(Trouble::decisions_failed, 1, what);
}

Status Node::Impl::status() const {
  if (!node) return last;
  return status_of(node->status());
}

/// True once, when the node has said goodbye and its handles are closing.
bool Node::Impl::has_left() {
  if (node && node->state() != EngineState::left) return false;
  if (node) {
    last = status();
    log->info("left");
  }
  node.reset();
  return true;
}

Node::Node(uv_loop_s* loop, NodeOptions options) : impl_(std::make_unique<Impl>(loop, std::move(options))) {}
Node::~Node() = default;

Error Node::start() {
  try {
    return impl_->start();
  } catch (const std::bad_alloc&) {
    impl_->node.reset();
    return Error(std::string(out_of_memory));
  } catch (const std::exception& problem) {
    impl_->node.reset();
    return Error(problem.what());
  }
}

Decision Node::decide(const Request& request) noexcept {
  if (!impl_->node) return {};
  try {
    return impl_->node->decide(request);
  } catch (const std::exception& problem) {
    impl_->on_failure(problem.what());
  } catch (...) {
    impl_->on_failure("unknown exception");
  }
  return {};
}

bool Node::ready() const noexcept {
  return state() == State::ready;
}

State Node::state() const noexcept {
  return impl_->node ? state_of(impl_->node->state()) : impl_->last.state;
}

std::vector<Peer> Node::peers() const {
  return impl_->node ? peers_of(impl_->node->peers()) : std::vector<Peer>{};
}

Status Node::status() const {
  return impl_->status();
}

Error Node::replace_rules(std::string_view yaml) {
  try {
    if (!impl_->node) return Error("expected a running node, found one that is not started or has left");
    auto file = read_rules(yaml);
    if (!file) {
      impl_->node->reload_failed(file.error().substr(0, file.error().find('\n')));
      return Error(std::move(file.error()));
    }
    for (const ConfigError& warning : file->warnings) impl_->log->warn("{}", warning.to_string());
    const std::size_t count = file->rules.rules.size();
    impl_->node->replace_rules(std::move(file->rules), "replace_rules()");
    impl_->log->info({{"rules", count}}, "rules replaced");
    return {};
  } catch (const std::exception& problem) {
    return Error(problem.what());
  }
}

Error Node::reload_keys() {
  try {
    if (!impl_->node) return Error("expected a running node, found one that is not started or has left");
    if (impl_->key_file.empty()) return Error("expected a key-file among the settings, found none");
    const auto keys = read_key_file(impl_->key_file);
    if (!keys) {
      impl_->node->keys_refused(keys.error());
      return Error(keys.error());
    }
    impl_->node->replace_keys(*keys);
    impl_->log->info({{"keys", to_text(*keys)}, {"from", impl_->key_file}}, "keys of gossip changed");
    return {};
  } catch (const std::exception& problem) {
    return Error(problem.what());
  }
}

void Node::resolve_now() {
  if (impl_->node) impl_->node->resolve_now();
}

void Node::drain() {
  if (impl_->node && (state() == State::joining || state() == State::ready)) impl_->node->begin_leave();
}

void Node::stop(std::function<void()> on_stopped) {
  Impl& impl = *impl_;
  impl.on_stopped = std::move(on_stopped);
  if (std::exchange(impl.stopping, true)) {
    if (impl.stopper) return;  // on its way; it will find the new callback
  } else if (impl.node) {
    drain();
    impl.node->finish_leave(Loop::now() + impl.drain_timeout);
  }
  impl.stopper.emplace(
      impl.loop, [&impl] { return impl.has_left(); },
      [&impl] {
        impl.stopper.reset();
        const auto told = std::move(impl.on_stopped);
        if (told) told();  // the last thing: it may destroy the node
      });
}

}  // namespace starling::embed
