#include "app/node_process.hpp"

#include <fmt/format.h>
#include <uv.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <optional>
#include <utility>

#include "app/reloader.hpp"
#include "base/check.hpp"
#include "http/admin_api.hpp"
#include "http/check_api.hpp"
#include "http/live_reach.hpp"
#include "http/server.hpp"
#include "http/token_file.hpp"
#include "http/write_access.hpp"
#include "node/config_source.hpp"
#include "node/live_words.hpp"
#include "node/log.hpp"
#include "node/node.hpp"

namespace starling {
namespace {

constexpr std::uint64_t drain_poll_ms = 20;
constexpr std::chrono::seconds failure_log_interval{10};

/// Answers the front ends from the node.
class NodeService final : public http::CheckService, public http::AdminService {
 public:
  NodeService(Node& node, Log log) : node_(node), log_(std::move(log)) {}
  Decision decide(const Request& request) override {
    decided_at_ = Loop::wall();
    return node_.decide(request, decided_at_);
  }
  WallTime decided_at() const override { return decided_at_; }
  void on_failure(std::string_view what) override;
  std::string_view node_name() const override { return node_.name(); }
  NodeStatus status() const override { return node_.status(); }
  std::vector<CounterView> counters(const Request& request) override { return node_.counters(request); }
  TopView top(const TopQuery& query) override { return node_.top(query); }
  std::vector<LiveView> live_overrides() const override { return node_.live_overrides(); }
  tl::expected<LiveView, std::string> set_live(const http::LiveChange& change) override;
  bool clear_live(const LiveOverride& subject, const std::string& by) override {
    return node_.clear_live(subject, by);
  }

 private:
  Node& node_;
  Log log_;
  WallTime decided_at_{};
  Instant quiet_until_{};  ///< failures before this are not logged
  std::uint64_t failures_unsaid_count_ = 0;
};

void NodeService::on_failure(std::string_view what) {
  ++failures_unsaid_count_;
  if (Loop::now() < quiet_until_) return;
  log_->error("{} requests passed because they could not be decided: {}", failures_unsaid_count_, what);
  quiet_until_ = Loop::now() + failure_log_interval;
  failures_unsaid_count_ = 0;
}

tl::expected<LiveView, std::string> NodeService::set_live(const http::LiveChange& change) {
  auto view = node_.set_live(change.what, change.expires_in, change.set_by);
  if (!view) return view;
  const NodeStatus now = node_.status();
  const std::vector<LiveView> live = node_.live_overrides();
  const std::string said_otherwise = http::LiveReach(now.rules, live).contradiction(view->what);
  if (!said_otherwise.empty()) log_->warn("override {}: {}", describe(view->what), said_otherwise);
  return view;
}

class NodeProcess {
 public:
  /// `reload` names no path without a configuration.
  NodeProcess(Loop& loop, Node::Options options, Log log, http::WriteAccess access, Reloader::Options reload,
              ConfigTexts texts)
      : loop_(loop),
        settings_(options.settings),
        reload_(std::move(reload)),
        texts_(std::move(texts)),
        log_(log),
        node_(loop, std::move(options), log),
        service_(node_, log),
        check_(service_, settings_.headers),
        admin_(service_, check_, std::move(access)),
        http_server_(loop, check_),
        admin_server_(loop, admin_) {}

  /// Error: one line.
  tl::expected<void, std::string> start();

 private:
  tl::expected<void, std::string> listen(http::Server& server, std::uint16_t port, std::string_view setting);
  void watch_signal(Handle<uv_signal_t>& handle, int number);
  void on_hangup();
  void on_stop();
  void on_drain_poll();

  Loop& loop_;
  Settings settings_;
  Reloader::Options reload_;
  ConfigTexts texts_;
  Log log_;
  Node node_;
  NodeService service_;
  http::CheckApi check_;
  http::AdminApi admin_;
  http::Server http_server_;
  http::Server admin_server_;
  std::optional<Reloader> reloader_;
  Handle<uv_signal_t> on_hup_;
  Handle<uv_signal_t> on_term_;
  Handle<uv_signal_t> on_int_;
  Handle<uv_timer_t> drain_timer_;
  Instant drain_deadline_ = never;
  bool leaving_ = false;
};

tl::expected<void, std::string> NodeProcess::listen(http::Server& server, std::uint16_t port,
                                                    std::string_view setting) {
  Endpoint endpoint{.address = settings_.bind.value_or(Address{}), .port = port};
  auto listening = server.listen(endpoint);
  if (!listening && !settings_.bind && listening.error() != UV_EADDRINUSE) {
    endpoint.address = Address::v4(0, 0, 0, 0);  // a machine without IPv6
    listening = server.listen(endpoint);
  }
  if (!listening)
    return tl::unexpected(
        fmt::format("--{}: cannot listen on TCP {}: {}; is another node running there? choose another "
                    "--{} or --bind",
                    setting, endpoint.to_string(), uv_strerror(listening.error()), setting));
  log_->info("listening {} tcp={}", setting, listening->to_string());
  return {};
}

void NodeProcess::watch_signal(Handle<uv_signal_t>& handle, int number) {
  auto initialised = std::make_unique<uv_signal_t>();
  STARLING_CHECK(uv_signal_init(loop_.get(), initialised.get()) == 0);
  handle = adopt(std::move(initialised), this);
  uv_signal_start(
      handle.get(),
      [](uv_signal_t* signal, int which) {
        auto* self = static_cast<NodeProcess*>(signal->data);
        if (self == nullptr) return;
        which == SIGHUP ? self->on_hangup() : self->on_stop();
      },
      number);
}

tl::expected<void, std::string> NodeProcess::start() {
  if (auto started = node_.start(); !started) return started;
  if (auto listening = listen(http_server_, settings_.http_port, "http-port"); !listening) return listening;
  if (auto listening = listen(admin_server_, settings_.admin_port, "admin-port"); !listening)
    return listening;
  node_.set_listeners(http_server_.local_endpoint(), admin_server_.local_endpoint());
  if (!reload_.path.empty()) reloader_.emplace(loop_, node_, std::move(reload_), std::move(texts_), log_);
  watch_signal(on_hup_, SIGHUP);
  watch_signal(on_term_, SIGTERM);
  watch_signal(on_int_, SIGINT);
  return {};
}

void NodeProcess::on_hangup() {
  log_->info("SIGHUP: resolving the neighborhood and reading the configuration");
  node_.resolve_now();
  if (reloader_) reloader_->reload_now();
}

void NodeProcess::on_stop() {
  if (leaving_) {  // told twice: somebody is in a hurry
    log_->warn("told to stop again: ending without waiting");
    loop_.stop();
    return;
  }
  leaving_ = true;
  log_->info("leaving: peers are told all counts, clients may finish; at most {} ms",
             settings_.drain_timeout.count());
  drain_deadline_ = Loop::now() + settings_.drain_timeout;
  node_.begin_leave();
  http_server_.drain();
  auto timer = std::make_unique<uv_timer_t>();
  STARLING_CHECK(uv_timer_init(loop_.get(), timer.get()) == 0);
  drain_timer_ = adopt(std::move(timer), this);
  uv_timer_start(
      drain_timer_.get(),
      [](uv_timer_t* handle) {
        if (auto* self = static_cast<NodeProcess*>(handle->data)) self->on_drain_poll();
      },
      0, drain_poll_ms);
}

void NodeProcess::on_drain_poll() {
  // First the clients, so that no hit is counted after the goodbye; then the peers.
  if (http_server_.drained() || Loop::now() >= drain_deadline_) node_.finish_leave(drain_deadline_);
  if (node_.state() != EngineState::left) return;
  log_->info("left");
  loop_.stop();
}

int fail_with(int code, std::string_view message) {
  fmt::print(stderr, "starling: {}\n", message);
  return code;
}

}  // namespace

int run_node(const std::map<std::string, std::string>& flags) {
  const Environment environment = [](const char* variable) -> const char* { return std::getenv(variable); };
  const std::string config = config_path(flags, environment);
  ConfigFile file;
  file.rules = RuleSet::built_in();
  ConfigTexts texts;
  if (!config.empty()) {
    auto read = read_config_texts(config);
    auto understood = read ? understand_config(*read) : tl::unexpected(read.error());
    if (!understood) {
      for (const std::string& line : understood.error()) fmt::print(stderr, "starling: {}\n", line);
      return 1;
    }
    texts = std::move(*read);
    file = std::move(*understood);
  }
  auto loaded = load_settings(flags, environment, file.settings, config);
  if (!loaded) return fail_with(loaded.error().is_usage ? 2 : 1, loaded.error().message);

  std::string token;
  if (const std::string& path = loaded->settings.admin_token_file; !path.empty()) {
    auto read = http::read_token_file(path);
    if (!read) return fail_with(1, fmt::format("--admin-token-file: {}", read.error()));
    token = std::move(*read);
  }

  std::signal(SIGPIPE, SIG_IGN);  // a client or DNS server that hangs up is an error code, not the end
  const Log log = make_log(loaded->settings.log_level);
  for (const ConfigError& warning : file.warnings) log->warn("{}", warning.to_string());
  int code = 0;
  {
    Loop loop;
    Node::Options options{.settings = loaded->settings,
                          .setting_views = loaded->views,
                          .rules = std::move(file.rules),
                          .rules_from = file.has_rules ? config : "built-in"};
    Reloader::Options reload{
        .path = config, .flags = flags, .environment = environment, .settings = std::move(loaded->views)};
    NodeProcess process(loop, std::move(options), log, http::WriteAccess(std::move(token)), std::move(reload),
                        std::move(texts));
    if (const auto started = process.start()) {
      loop.run();
    } else {
      close_log();  // the reason comes last, after what the log had to say
      code = fail_with(1, started.error());
    }
  }
  close_log();
  return code;
}

}  // namespace starling
