#include "app/node_process.hpp"

#include <fmt/format.h>
#include <sys/prctl.h>
#include <uv.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <limits>
#include <memory>
#include <optional>
#include <utility>

#include "app/front_ends.hpp"
#include "app/key_reloader.hpp"
#include "app/reloader.hpp"
#include "app/service_reports.hpp"
#include "base/check.hpp"
#include "http/token_file.hpp"
#include "http/write_access.hpp"
#include "node/config_permissions.hpp"
#include "node/config_source.hpp"
#include "node/descriptors.hpp"
#include "node/key_file.hpp"
#include "node/log.hpp"
#include "node/loop_meter.hpp"
#include "node/node.hpp"
#include "node/open_log.hpp"

namespace starling {
namespace {

constexpr std::uint64_t drain_poll_ms = 20;
constexpr std::size_t gateway_front_ends = 2;  // HTTP, gRPC

/// Log lines that say what is wrong come from here, so it is asked once the log is there.
ConnectionBounds descriptors_to_connections(const Log& log) {
  const std::uint64_t descriptors = raise_descriptors_limit();
  const ConnectionBounds bounds = connection_bounds(descriptors, gateway_front_ends);
  const ConnectionBounds wanted =
      connection_bounds(std::numeric_limits<std::uint64_t>::max(), gateway_front_ends);
  if (bounds != wanted)
    log->warn(
        {{"descriptors", descriptors}, {"connections", bounds.gateways}},
        "this process may have {} files open, so it takes {} connections of gateways by HTTP and as many by "
        "gRPC at a time, not {}: raise the hard limit (ulimit -Hn, LimitNOFILE=) for more",
        descriptors, bounds.gateways, wanted.gateways);
  return bounds;
}
class NodeProcess {
 public:
  /// `reload` names no path without a configuration.
  NodeProcess(Loop& loop, Node::Options options, const Log& log, http::WriteAccess access,
              Reloader::Options reload, ConfigTexts texts)
      : loop_(loop),
        loop_meter_(loop),
        settings_(options.settings),
        reload_(std::move(reload)),
        texts_(std::move(texts)),
        keys_(options.keys),
        log_(log),
        node_(loop, std::move(options), log),
        front_ends_(loop, loop_meter_, node_, settings_, log, std::move(access),
                    descriptors_to_connections(log)) {}

  /// Error: one line.
  tl::expected<void, std::string> start();

 private:
  void watch_signal(Handle<uv_signal_t>& handle, int number);
  void on_hangup();
  void on_reloaded(bool& awaited);
  void on_stop();
  void on_drain_poll();

  Loop& loop_;
  LoopMeter loop_meter_;
  Settings settings_;
  Reloader::Options reload_;
  ConfigTexts texts_;
  wire::KeyRing keys_;  ///< until they are watched
  Log log_;
  Node node_;
  FrontEnds front_ends_;
  std::optional<ServiceReports> reports_;
  std::optional<Reloader> reloader_;
  std::optional<KeyReloader> key_reloader_;
  bool rules_awaited_ = false;  ///< asked for by SIGHUP, and not read yet
  bool keys_awaited_ = false;   ///< likewise
  Handle<uv_signal_t> on_hup_;
  Handle<uv_signal_t> on_term_;
  Handle<uv_signal_t> on_int_;
  Handle<uv_timer_t> drain_timer_;
  Instant drain_deadline_ = never;
  bool leaving_ = false;
};

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
  if (auto listening = front_ends_.start(); !listening) return listening;
  reports_.emplace(loop_, node_);
  reload_.on_settled = [this] { on_reloaded(rules_awaited_); };
  reload_.prepare = front_ends_.prepare_rules();
  if (!reload_.path.empty()) reloader_.emplace(loop_, node_, std::move(reload_), std::move(texts_), log_);
  if (!settings_.key_file.empty())
    key_reloader_.emplace(loop_, node_,
                          KeyReloader::Options{.path = settings_.key_file,
                                               .on_settled = [this] { on_reloaded(keys_awaited_); }},
                          std::exchange(keys_, {}), log_);
  watch_signal(on_hup_, SIGHUP);
  watch_signal(on_term_, SIGTERM);
  watch_signal(on_int_, SIGINT);
  return {};
}

void NodeProcess::on_hangup() {
  log_->info("SIGHUP: resolving the neighborhood and reading the configuration{}",
             key_reloader_ ? " and the keys" : "");
  reports_->reloading();
  node_.resolve_now();
  rules_awaited_ = reloader_.has_value();
  keys_awaited_ = key_reloader_.has_value();
  if (reloader_) reloader_->reload_now();
  if (key_reloader_) key_reloader_->reload_now();
  if (!reloader_ && !key_reloader_) reports_->reloaded();
}

/// The service manager waits for both.
void NodeProcess::on_reloaded(bool& awaited) {
  awaited = false;
  if (!rules_awaited_ && !keys_awaited_) reports_->reloaded();
}

void NodeProcess::on_stop() {
  if (leaving_) {  // told twice: somebody is in a hurry
    log_->warn("told to stop again: ending without waiting");
    loop_.stop();
    return;
  }
  leaving_ = true;
  reports_->stopping();
  log_->info({{"at_most_ms", settings_.drain_timeout.count()}},
             "leaving: peers are told all counts, clients may finish");
  drain_deadline_ = Loop::now() + settings_.drain_timeout;
  node_.begin_leave();
  // Silent clients get half of the time at most: the peers need some as well.
  front_ends_.drain(settings_.drain_timeout / 2);
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
  if (front_ends_.drained() || Loop::now() >= drain_deadline_) node_.finish_leave(drain_deadline_);
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
      for (const std::string& line : understood.error().lines) fmt::print(stderr, "starling: {}\n", line);
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

  wire::KeyRing keys;
  if (const std::string& path = loaded->settings.key_file; !path.empty()) {
    auto read = read_key_file(path);
    if (!read) return fail_with(1, fmt::format("--key-file: {}", read.error()));
    keys = std::move(*read);
  }

  // Tables are reserved whole and touched row by row. A first touch of a huge page clears 2 MiB that have to
  // be found in one piece first: requests waited up to 6 ms for that.
  prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
  std::signal(SIGPIPE, SIG_IGN);  // a client or DNS server that hangs up is an error code, not the end
  const auto opened = open_log(loaded->settings);
  if (!opened) return fail_with(1, opened.error());
  const Log& log = *opened;
  if (!config.empty())
    for (const std::string& line : writable_by_all(config)) log->warn("{}", line);
  if (const std::string& path = loaded->settings.key_file; !path.empty())
    for (const std::string& line : replaceable_by_all(path)) log->warn("{}", line);
  for (const ConfigError& warning : file.warnings) log->warn("{}", warning.to_string());
  if (const Settings& set = loaded->settings;
      set.trusted_hops > 0 && !set.attributes.asks(RequestFact::client_ip))
    log->warn(
        "--trusted-hops {}: expected client_ip or @client_ip in --attributes, found none; add it, or no rule "
        "sees the address",
        set.trusted_hops);
  int code = 0;
  {
    Loop loop;
    Node::Options options{.settings = loaded->settings,
                          .setting_views = loaded->views,
                          .rules = std::move(file.rules),
                          .rules_from = file.has_rules ? config : "built-in",
                          .keys = std::move(keys)};
    Reloader::Options reload{.path = config,
                             .flags = flags,
                             .environment = environment,
                             .settings = std::move(loaded->views),
                             .on_settled = {},
                             .prepare = {}};
    NodeProcess process(loop, std::move(options), log, http::WriteAccess(std::move(token)), std::move(reload),
                        std::move(texts));
    if (const auto started = process.start()) {
      loop.run();
    } else {
      log->close();  // the reason comes last, after what the log had to say
      code = fail_with(1, started.error());
    }
  }
  log->close();
  return code;
}

}  // namespace starling
