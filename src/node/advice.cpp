#include "node/advice.hpp"

#include <fmt/format.h>

#include <starling/request.hpp>

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <utility>

#include "node/advice_words.hpp"
#include "node/key_advice.hpp"

namespace starling {
namespace {

/// It sends heartbeats these days.
bool is_heard(const PeerView& candidate) {
  constexpr std::int64_t heard_within_ms = 10'000;
  return candidate.heard && candidate.heard_ms_ago < heard_within_ms;
}

/// Collects advice; each member function looks at one part of the status.
class Adviser {
 public:
  explicit Adviser(const NodeStatus& status) : status_(status) {}

  std::vector<Advice> all() &&;

 private:
  template <class... Args>
  void add(std::string_view code, fmt::format_string<Args...> text, Args&&... args) {
    out_.push_back({.code = code, .text = fmt::vformat(text, fmt::make_format_args(args...))});
  }
  template <class... Args>
  void note(std::string_view code, fmt::format_string<Args...> text, Args&&... args) {
    out_.push_back(
        {.code = code, .text = fmt::vformat(text, fmt::make_format_args(args...)), .is_note = true});
  }
  std::uint64_t recent(Trouble trouble) const { return status_[trouble].recent; }
  template <class Condition>
  std::vector<std::string> addresses(Condition condition) const {
    std::vector<std::string> found;
    for (const PeerView& peer : status_.peers)
      if (condition(peer)) found.push_back(peer.heartbeat.address.to_string());
    return found;
  }

  void on_decisions();
  void on_dns();
  void on_isolation();
  void on_silence();
  void on_join();
  void on_configuration();
  void on_counters();
  void on_connections();
  void on_datagrams();
  void on_peers();
  void on_strangers();
  void on_overrides();
  void on_machine();
  void on_notes();

  const NodeStatus& status_;
  std::vector<Advice> out_;
};

void Adviser::on_decisions() {
  if (const auto count = recent(Trouble::decisions_failed); count != 0)
    add("decisions_failed",
        "{} request(s) could not be decided {}, and passed unless their gateway says otherwise: the log says "
        "why, and it is worth a report",
        count, lately);
}

void Adviser::on_dns() {
  const NodeStatus::Neighborhood& neighborhood = status_.neighborhood;
  for (std::size_t i = 0; i < neighborhood.errors.size(); ++i) {
    const std::string& error = neighborhood.errors[i];
    switch (i < neighborhood.faults.size() ? neighborhood.faults[i] : DnsFault::other) {
      case DnsFault::not_found:
        add("dns_not_found",
            "DNS: {}. Check the name in --neighborhood-host; in Kubernetes it is that of a headless Service "
            "in the right namespace, with publishNotReadyAddresses: true",
            error);
        break;
      case DnsFault::no_addresses:
        add("dns_no_addresses",
            "DNS: {}. The name is right but lists nobody: in Kubernetes check that the Service's selector "
            "matches the Pods and that it has publishNotReadyAddresses: true",
            error);
        break;
      case DnsFault::timed_out:
        add("dns_timed_out",
            "DNS: {}. Check that UDP and TCP 53 to the DNS servers are open (/etc/resolv.conf, or "
            "--dns-servers) and that a NetworkPolicy allows them",
            error);
        break;
      case DnsFault::refused:
        add("dns_refused",
            "DNS: {}. Check that the servers in /etc/resolv.conf or --dns-servers are the right ones, run, "
            "and serve this name",
            error);
        break;
      case DnsFault::one_family:  // a note, see below
        break;
      case DnsFault::other:
        add("dns_failed",
            "DNS: {}. Check that the name is right and, in Kubernetes, that the headless Service has "
            "publishNotReadyAddresses: true",
            error);
        break;
    }
  }
  const bool alone = status_.peers.empty() && neighborhood.errors.empty() && !neighborhood.host.empty() &&
                     neighborhood.resolved_ms_ago;
  // An empty list comes without an error only if all was literal addresses or DNS told of this node alone.
  if (alone && status_.counts.known_count <= 1)
    note("only_ourselves",
         "{} lists this node alone, so it enforces the limits by itself: if there should be more nodes, "
         "check that they run and that they are in that list",
         neighborhood.host);
}

void Adviser::on_isolation() {
  if (!status_.counts.isolated) return;
  std::vector<std::string> local;
  std::vector<std::string> others;
  for (const Rule& rule : status_.rules->rules) {
    if (rule.when_isolated == WhenIsolated::local)
      local.push_back(rule.name);
    else
      others.push_back(fmt::format("{}: {}", rule.name, name(rule.when_isolated)));
  }
  std::string doing;
  if (!local.empty()) doing = fmt::format("the full limit alone ({})", some_of(std::move(local)));
  if (!others.empty()) doing += fmt::format("{}{}", doing.empty() ? "" : "; ", some_of(std::move(others)));
  add("isolated",
      "isolated: {} other node(s) are known and none can be reached, so each rule does what its "
      "when_isolated says: {}; check the network of this node first, then whether the others run",
      status_.counts.known_count - std::min<std::uint32_t>(1, status_.counts.known_count),
      doing.empty() ? "no rules" : doing);
}

void Adviser::on_silence() {
  if (status_.neighborhood.host.empty()) return;
  const auto deaf =
      addresses([](const PeerView& peer) { return peer.state == "candidate" && is_heard(peer); });
  const auto silent =
      addresses([](const PeerView& peer) { return peer.state == "candidate" && !is_heard(peer); });
  const auto dead = addresses([](const PeerView& peer) { return peer.state == "dead"; });
  if (!deaf.empty())
    add("one_way",
        "{} address(es) send heartbeats and never hear ours ({}): UDP {} from here to there is blocked; open "
        "{} and {} both ways",
        deaf.size(), some_of(deaf), status_.listeners.heartbeat.port, status_.listeners.heartbeat.port,
        status_.listeners.sync.port);
  if (!silent.empty())
    add("never_answered",
        "{} address(es) never answered a heartbeat ({}): check that a node runs there, that UDP {} and {} "
        "are open both ways, and that --cluster and the keys (--key-file) are the same",
        silent.size(), some_of(silent), status_.listeners.heartbeat.port, status_.listeners.sync.port);
  if (!dead.empty())
    add("peers_dead",
        "{} peer(s) fell silent ({}): this node enforces the limits with those that are left; check those "
        "nodes or the network to them",
        dead.size(), some_of(dead));
}

/// A note, for what there is to do about a peer that is missing has been said by then.
void Adviser::on_join() {
  if (recent(Trouble::joined_incomplete) == 0 || status_.peers.empty()) return;
  auto missing =
      addresses([](const PeerView& peer) { return peer.state != "alive" && peer.state != "left"; });
  if (missing.empty())  // They came later: DNS lists a cluster that starts before all of it runs.
    note("joined_incomplete",
         "this node became ready after --join-timeout without the counts of every peer ({}); all are here "
         "now. "
         "If they ran already, it may have admitted too much in the windows of then: raise --join-timeout",
         lately);
  else
    note("joined_incomplete",
         "this node became ready after --join-timeout without the counts of every peer ({}), and {} is still "
         "missing: until the windows of then end it may admit too much",
         lately, some_of(std::move(missing)));
}

void Adviser::on_configuration() {
  if (status_.reload_error.empty()) return;
  if (status_.config_vanished)
    add("config_vanished",
        "the configuration cannot be read and the old rules are in force: {}; put it back, the node notices "
        "by itself",
        status_.reload_error);
  else
    add("reload_refused",
        "the last reload was refused and the old rules are in force: {}; correct it, the node notices by "
        "itself (`starling config validate` tries a file beforehand)",
        status_.reload_error);
}

void Adviser::on_counters() {
  const std::size_t used = status_.counts.counters_used;
  const std::size_t max = status_.counts.counters_max;
  const auto uncounted = recent(Trouble::uncounted);
  if (uncounted != 0)
    add("uncounted",
        "the counter table was full and {} limit(s) went uncounted {}: raise --max-counters (now {}) or "
        "match fewer distinct principals",
        uncounted, lately, max);
  else if (max != 0 && used >= max)
    add("table_full",
        "the counter table is full ({} of {}): new principals go by their rule's when_full; raise "
        "--max-counters or match fewer distinct principals",
        used, max);
  else if (max != 0 && used >= max - max / 10)
    add("table_nearly_full",
        "the counter table is nearly full ({} of {}): raise --max-counters or match fewer distinct "
        "principals before limits go uncounted",
        used, max);
  if (const auto count = recent(Trouble::truncated); count != 0)
    add("truncated",
        "{} request(s) were held to {} limits only {}, and more applied: send fewer descriptors, or let "
        "fewer rules match one",
        count, limits_per_request_max, lately);
}

void Adviser::on_connections() {
  if (const auto count = recent(Trouble::accept_failed); count != 0)
    add("accept_failed",
        "{} connection(s) could not be accepted {}, mostly for want of file descriptors: raise LimitNOFILE= "
        "or ulimit -n and restart the node",
        count, lately);
  if (const auto count = recent(Trouble::connections_refused); count != 0)
    add("connections_refused",
        "{} connection(s) were closed at once {}, for as many are open as this node takes: let gateways keep "
        "and share connections, add nodes, or raise LimitNOFILE= if the log says that it is too low",
        count, lately);
}

void Adviser::on_datagrams() {
  if (const auto count = recent(Trouble::send_failed); count != 0)
    add("send_failed",
        "the kernel refused to send {} datagram(s) {}: check that there is a route to every peer (IPv6 as "
        "well, if they have such addresses) and that no local firewall forbids it",
        count, lately);
  if (const auto count = recent(Trouble::send_dropped); count != 0)
    add("send_dropped",
        "{} datagram(s) found no room to be sent {}: the network is slower than the gossip; lower "
        "--egress-limit, or raise net.core.wmem_max",
        count, lately);
}

void Adviser::on_peers() {
  const std::uint32_t window_s = status_.rules->window_s_smallest();
  for (const PeerView& peer : status_.peers) {
    if (peer.state != "alive") continue;
    if (std::abs(peer.clock_skew_ms) > std::int64_t{window_s} * 100)
      add("clock_skew",
          "the clock of {} differs by {} ms, more than a tenth of the smallest window ({} s): check time "
          "synchronisation (NTP) on both",
          peer.name, peer.clock_skew_ms, window_s);
    constexpr std::int64_t lag_worth_a_word_ms = 2000;
    if (peer.lag_ms > lag_worth_a_word_ms)
      add("peer_lag", "counts of {} have been missing for {} ms: UDP {} from it may be blocked or lossy",
          peer.name, peer.lag_ms, status_.listeners.sync.port);
  }
  if (recent(Trouble::peer_table_full) != 0)
    add("peer_table_full",
        "addresses found no room in the table of peers {}: check what {} lists; no neighborhood is that "
        "large",
        lately, status_.neighborhood.host);
  if (recent(Trouble::own_origin_from_afar) != 0)
    add("own_origin_from_afar",
        "somebody sends counts as if they were this node's own ({}): keep UDP {} and {} reachable for these "
        "nodes only",
        lately, status_.listeners.heartbeat.port, status_.listeners.sync.port);
}

void Adviser::on_strangers() {
  if (const auto count = recent(Trouble::wrong_cluster); count != 0)
    add("wrong_cluster",
        "{} datagram(s) came from a cluster of another name {}{}: if that is one of yours, make --cluster "
        "the same (here: {}); else take those addresses out of --neighborhood-host there",
        count, lately, last_from(status_.wrong_cluster_from), status_.cluster);
  if (const auto count = recent(Trouble::wrong_protocol); count != 0)
    add("wrong_protocol",
        "{} datagram(s) were of a protocol version that this node cannot read {}{}: finish the rolling "
        "upgrade",
        count, lately, last_from(status_.wrong_protocol_from));
}

void Adviser::on_overrides() {
  const LiveCounts& live = status_.counts.live;
  if (const auto count = recent(Trouble::overrides_full); count != 0)
    add("overrides_full",
        "{} override(s) found no room {} ({} of {} in use): delete some with `starling override delete`, or "
        "put them into the rules file",
        count, lately, live.overrides, live.overrides_max);
  if (const auto count = recent(Trouble::overrides_clock); count != 0)
    add("overrides_clock",
        "{} override(s) were refused {} because they were set more than 24 h ahead of this node's clock: "
        "check time synchronisation (NTP) here and where they were set",
        count, lately);
  if (const auto count = recent(Trouble::overrides_flawed); count != 0)
    add("overrides_flawed",
        "{} override(s) that peers told of {} make no sense and were refused: check that all nodes run the "
        "same version",
        count, lately);
  if (const auto count = recent(Trouble::overrides_unknown); count != 0)
    add("overrides_unknown",
        "{} override(s) of {} are of kinds that only newer nodes know and do not hold here: finish the "
        "rolling upgrade",
        count, "the last 10 minutes");
}

void Adviser::on_machine() {
  if (const auto count = recent(Trouble::loop_busy); count != 0)
    add("loop_busy",
        "the event loop was busy for {} second(s) {}, so answers were late: add nodes or CPU, or look for "
        "what else runs on the machine",
        count, lately);
  if (const auto count = recent(Trouble::log_lost); count != 0)
    add("log_lost",
        "{} line(s) of the log were lost {}, for nobody read them in time: look at what reads this node's "
        "stderr, or raise --log-level",
        count, lately);
}

void Adviser::on_notes() {
  if (status_.state == EngineState::leaving || status_.state == EngineState::left)
    note("leaving", "this node was told to stop: it hands over its counts and ends by itself");
  const NodeStatus::Neighborhood& neighborhood = status_.neighborhood;
  for (std::size_t i = 0; i < std::min(neighborhood.errors.size(), neighborhood.faults.size()); ++i)
    if (neighborhood.faults[i] == DnsFault::one_family)
      note("dns_one_family",
           "DNS: {}. Addresses of the other kind are all that this node finds: nothing to do unless nodes "
           "are to "
           "be found by both",
           neighborhood.errors[i]);
  std::vector<std::string> others;
  for (const PeerView& peer : status_.peers)
    if (peer.state == "alive" && !peer.software.empty() && peer.software != status_.software)
      others.push_back(fmt::format("{} {}", peer.name, peer.software));
  if (!others.empty() && !status_.software.empty())
    note("mixed_versions", "not all nodes run one version: {} here, {}; finish the rolling upgrade",
         status_.software, some_of(std::move(others)));
  if (status_.receive_buffer_bytes < UdpSocket::receive_buffer_bytes_wanted)
    note("receive_buffer",
         "the kernel granted {} bytes of receive buffer of {}: bursts of gossip may be lost and sent again; "
         "`sysctl -w net.core.rmem_max={}` gives all of it at the next start",
         status_.receive_buffer_bytes, UdpSocket::receive_buffer_bytes_wanted,
         UdpSocket::receive_buffer_bytes_wanted);
  if (status_.rules_from == "built-in")
    note("built_in_rule",
         "no rules were given, so the built-in one holds (100 requests per 10 s for each `principal`): "
         "`--config FILE` has yours");
}

std::vector<Advice> Adviser::all() && {
  on_decisions();
  on_dns();
  // Causes before what they cause: a peer with another cluster's name or another key never answers, and who
  // cannot send is alone.
  on_strangers();
  std::vector<Advice> notes;
  advise_on_keys(status_, out_, notes);
  on_datagrams();
  on_isolation();
  on_silence();
  on_join();
  on_configuration();
  on_counters();
  on_connections();
  on_peers();
  on_overrides();
  on_machine();
  std::move(notes.begin(), notes.end(), std::back_inserter(out_));
  on_notes();
  return std::move(out_);
}

}  // namespace

std::vector<Advice> advice_of(const NodeStatus& status) {
  return Adviser(status).all();
}

std::vector<std::string> advice(const NodeStatus& status) {
  std::vector<std::string> texts;
  for (Advice& each : advice_of(status)) texts.push_back(std::move(each.text));
  return texts;
}

std::string verdict(const std::vector<Advice>& advice) {
  const auto count = std::count_if(advice.begin(), advice.end(), [](const Advice& a) { return !a.is_note; });
  if (count == 0) return "healthy";
  return count == 1 ? "1 thing to do" : fmt::format("{} things to do", count);
}

}  // namespace starling
