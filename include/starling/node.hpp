/// A Starling node inside your program, on your own libuv loop.
///
/// It is a full member of the cluster, beside `starling node` processes and other embedded ones: same gossip,
/// same counts, same limits. `decide` answers from memory, without a socket in between.
///
///     starling::embed::Node node(uv_default_loop(), {.neighborhood = "10.0.0.1,10.0.0.2", .rules = yaml});
///     if (auto error = node.start()) return fail(error.message());
///     ...
///     if (!node.decide(request).allowed) answer_429();
///
/// **Thread.** Everything is called on the thread that runs the loop, the constructor and the destructor too.
/// There are no locks in here, and the node starts no thread. Callbacks come on that thread as well.
///
/// **Errors.** No exception leaves these functions, but `std::bad_alloc` those that return a container or
/// take a function. A request that cannot be decided for want of memory passes (`Counts::failed`). A broken
/// invariant inside aborts the process, as it does `starling node`; so does having no file descriptor left.
///
/// **The process.** A node takes no setting from the environment, handles no signal, opens no TCP port, and
/// writes to no stream: log lines come by callback. It writes to DNS servers by TCP when they ask for that,
/// so ignore SIGPIPE, as every libuv program should. It never runs, stops or closes the loop. It initialises
/// c-ares for the whole process, with the C library's memory: beside a program's own use of c-ares that is
/// well, but not beside memory of its own for it (`ares_library_init_mem`).
///
/// **Compatibility.** The API may still change between minor versions, and there is no stable ABI: there is
/// only a static library; compile against the headers it came with, as C++20.
#pragma once

#include <starling/error.hpp>
#include <starling/request.hpp>
#include <starling/view.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

struct uv_loop_s;  // libuv's uv_loop_t

namespace starling::embed {

/// How much a log line matters.
enum class LogLevel : std::uint8_t {
  trace,  ///< every step
  debug,  ///< for whoever looks for a fault: each dropped datagram
  info,   ///< what happens: peers that come and go, changed rules
  warn,   ///< what may need a person: a silent peer, wrong clocks
  error,  ///< what does: a full counter table
};

/// Everything a node is told at its start. What is left out has the default of `starling node`.
struct NodeOptions {
  /// Names or addresses of all nodes, with commas, this one perhaps among them; a port may follow each
  /// (`10.0.0.7:4291`, `[fd00::7]:4291`). Names are asked of DNS again and again. Empty: a cluster of one.
  std::string neighborhood = {};
  /// Address for both UDP ports; empty or "*": every one, IPv6 and IPv4.
  std::string bind = {};
  /// UDP port for counts; nothing: 4290. Port 0 takes any free one.
  std::optional<std::uint16_t> sync_port = {};
  /// UDP port for heartbeats; nothing: 4291. Neighbors must know it: 0 only for a cluster of one.
  std::optional<std::uint16_t> heartbeat_port = {};
  /// Nodes with different cluster names ignore each other; empty: "starling".
  std::string cluster = {};
  /// What peers and people see; printable ASCII; empty: the host's name. Need not be unique.
  std::string node_name = {};
  /// Rules as YAML text, as in a rules file; its `settings:` hold too, where these options say nothing.
  /// Neither this nor `rules_path`: each `principal` may make 100 requests per 10 s.
  std::string rules = {};
  /// Instead of `rules`: a file or a directory of them, read once, in `start()`; see `replace_rules`.
  std::string rules_path = {};
  /// Other settings by their flag's name, values as for the flag: dns-servers, resolve-interval,
  /// heartbeat-interval, sync-interval, join-timeout, drain-timeout, max-counters (memory for all of them is
  /// reserved in `start()`), egress-limit, key-file (read in `start()`; see `reload_keys`).
  std::map<std::string, std::string> settings = {};
  /// Takes log lines, without time stamp and line end; null: no log. Must not call the node, and must not
  /// throw (what it throws is dropped). `line` is valid during the call.
  std::function<void(LogLevel level, std::string_view line)> log = {};
  /// Lines that matter less are not made.
  LogLevel log_level = LogLevel::info;
};

/// One node. Several may share a loop, each with ports or an address of its own.
class Node {
 public:
  /// Only takes notes. `loop` must outlive the node, and run at least once after it (see the destructor).
  Node(uv_loop_s* loop, NodeOptions options);

  /// Without `stop()` before it, this is a crash as peers see it: hits that were not published yet are lost
  /// (at most `sync-interval` old; eight times that for callers far from their limits where there are
  /// thousands), and peers wait some seconds before they take the node for dead.
  ///
  /// The handles are closed here and freed by the loop in its next iterations: run it until it has nothing
  /// left to do (`uv_run(loop, UV_RUN_DEFAULT)`) before `uv_loop_close`. After the callback of `stop()` there
  /// is nothing left to close. Allowed in any callback of the loop and in that of `stop()`, but not in `log`.
  ~Node();
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  /// Reads the options, opens the sockets and begins to look for the neighborhood. Blocks while it reads the
  /// rules (about a second per MB) and reserves memory; waits for no peer. From now on the loop stays alive.
  /// Errors: an option is wrong, the rules are, a port is taken, memory is short, it was started before.
  /// After an error the node stays idle for good; make another one.
  Error start();

  /// May this request pass? Counts it if so, here and, by gossip, everywhere.
  /// The views in `request` live during the call; those in the result until the next call of any function of
  /// this node. Shape: O(rules x descriptors), no allocation for callers that are known, no wait.
  /// Idle or left, it lets everything pass, uncounted and without `limits`: ask `ready()` or `state()`.
  Decision decide(const Request& request) noexcept;

  /// The peers' counts are in and the node was not told to leave: what a readiness probe should say.
  /// Requests may be decided earlier; then more than the limit may pass.
  bool ready() const noexcept;
  /// Where the node is in its life.
  State state() const noexcept;

  /// Every address and node of the neighborhood but this one. Empty when idle or left.
  std::vector<Peer> peers() const;
  /// A look at the node as a whole. Slow enough for people, not for every request. When left: as it was last.
  Status status() const;

  /// Puts other rules in the place of those in force. A rule that keeps its name and windows keeps its
  /// counts. Blocks as `start()` does. Its `settings:` must be sound and are otherwise ignored. Errors: the
  /// text is wrong (the old rules stay), or the node is idle or left.
  Error replace_rules(std::string_view yaml);

  /// Reads the key-file of the settings again, and seals and opens with what it says from now on. A node does
  /// not watch the file: call this when it has changed. Errors: the file is wrong (the old keys stay), there
  /// is no such setting, or the node is idle or left.
  Error reload_keys();
  /// Asks DNS for the neighborhood now instead of at the next `resolve-interval`.
  void resolve_now();

  /// Not ready any more, and everything counted is told to the peers at once; still decides and counts. For
  /// the time in which your own clients finish. Nothing happens when idle, leaving or left.
  void drain();
  /// Leaves: tells the peers every hit, waits until they have confirmed it, for at most `drain-timeout`
  /// (10 s; a cluster of one does not wait), says goodbye and closes all handles. `on_stopped` comes once,
  /// from the loop, never inside this call; then nothing of the node is left in the loop, so `uv_loop_close`
  /// works as soon as `uv_run` has returned. It may destroy the node. Hits that are admitted after this call
  /// may be lost. Called again, it replaces a callback that has not come yet. Destroying the node drops it.
  void stop(std::function<void()> on_stopped);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace starling::embed
