// What is checked of every datagram while the keys are secret: what is not from a node is refused in silence
// and changes nothing, what comes a second time is no sign of life and not acted upon, and nothing real is
// refused by mistake.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "sim/simulation.hpp"

namespace starling::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Nature = Simulation::Datagram::Nature;

/// A packet that is under way when the last of two keys goes may come too late; keys go at least this long
/// after nobody seals with them.
constexpr Duration under_way_max = milliseconds(400);
/// How long nodes may take a dead one for alive: 2.8 s of silence, after whatever clogged links and delayers
/// have held back and that still counts as a sign of life.
constexpr Duration dead_known_within = seconds(15);
constexpr Duration dead_looked_for_every = milliseconds(250);

constexpr std::array unsound_codes{
    ErrorCode::too_short,     ErrorCode::too_long,     ErrorCode::bad_magic,  ErrorCode::wrong_protocol,
    ErrorCode::wrong_cluster, ErrorCode::unknown_kind, ErrorCode::wrong_port, ErrorCode::not_sealed,
    ErrorCode::unknown_key,   ErrorCode::bad_seal};

std::uint64_t identity(const wire::SealedHeader& header, Port port) {
  return (header.sender.value * 0x9e3779b97f4a7c15) ^ (2 * header.counter + static_cast<std::uint64_t>(port));
}

std::string said(const Result<void>& outcome) {
  return outcome ? "taken" : fmt::format("{} {}", name(outcome.error().code), outcome.error().detail);
}

std::string_view name(Nature nature) {
  constexpr std::array<std::string_view, 4> names{"a datagram", "a copy of a datagram", "a made-up datagram",
                                                  "a crooked datagram"};
  return names[static_cast<std::size_t>(nature)];
}

}  // namespace

std::vector<Simulation::PeerLook> Simulation::look_at_peers(NodeIndex node) const {
  std::vector<PeerLook> looks;
  for (const PeerView& peer : nodes_[node].engine->peers(now_))
    if (peer.origin != OriginId{}) looks.push_back({peer.origin, peer.state, peer.heard_ms_ago});
  return looks;
}

bool Simulation::was_opened(const Datagram& datagram) const {
  const auto header = sealed_header(datagram.bytes);
  return header && nodes_[datagram.to].opened.contains(identity(*header, datagram.port));
}

void Simulation::check_unsound(const Datagram& datagram, const Result<void>& outcome, bool has_answered) {
  const bool is_refused = !outcome && std::find(unsound_codes.begin(), unsound_codes.end(),
                                                outcome.error().code) != unsound_codes.end();
  if (!is_refused)
    fail_check(fmt::format("hostile: node {} reads what nobody sent ({} bytes from {}): {}", datagram.to,
                           datagram.bytes.size(), datagram.from.to_string(), said(outcome)));
  if (has_answered) fail_check(fmt::format("hostile: node {} answers what nobody sent", datagram.to));
}

void Simulation::check_crooked(const Datagram& datagram, const Result<void>& outcome) {
  // A node without any key says `sealed`.
  constexpr std::array refused{ErrorCode::bad_field, ErrorCode::replayed, ErrorCode::sealed};
  const auto is_among = [&](const auto& codes) {
    return std::find(codes.begin(), codes.end(), outcome.error().code) != codes.end();
  };
  const bool was_read = outcome || (!is_among(refused) && !is_among(unsound_codes));
  if (was_read)
    fail_check(
        fmt::format("hostile: node {} takes one's word for another's: {}", datagram.to, said(outcome)));
}

void Simulation::check_own(const Datagram& datagram, const Result<void>& outcome) {
  if (outcome) return;
  const Node& node = nodes_[datagram.to];
  const ErrorCode code = outcome.error().code;
  bool is_mistake = code == ErrorCode::bad_seal || code == ErrorCode::not_sealed ||
                    code == ErrorCode::sealed || code == ErrorCode::too_many_senders ||
                    code == ErrorCode::malformed;
  if (code == ErrorCode::unknown_key)
    is_mistake = !node.is_estranged && !datagram.from_estranged && now_ - datagram.sent_at < under_way_max;
  if (code == ErrorCode::replayed) {
    const auto header = sealed_header(datagram.bytes);
    const auto highest = node.counters_highest.find({header->sender, datagram.port});
    is_mistake = highest == node.counters_highest.end() ||
                 header->counter + wire::replay_window_packets > highest->second;
  }
  if (is_mistake)
    fail_check(fmt::format("hostile: node {} refuses what {} sent {} us ago: {}", datagram.to,
                           datagram.from.to_string(),
                           (now_ - datagram.sent_at) / std::chrono::microseconds(1), said(outcome)));
}

void Simulation::check_sealed(const Datagram& datagram, bool is_second, const Result<void>& outcome,
                              std::uint64_t sent_before, const std::vector<PeerLook>& peers_before) {
  ++checks_count_;
  Node& node = nodes_[datagram.to];
  const bool has_answered = datagrams_sent_ != sent_before;
  if (datagram.nature == Nature::made) {
    check_unsound(datagram, outcome, has_answered);
  } else if (!is_second) {
    check_own(datagram, outcome);
  }
  const auto kind =
      datagram.nature == Nature::made ? std::nullopt : reader_.open(datagram.bytes, datagram.port, now_);
  if (is_second && kind && *kind != wire::Kind::delta && (outcome || has_answered))
    fail_check(fmt::format("hostile: node {} acts upon {} that it has had already: {}", datagram.to,
                           name(datagram.nature), said(outcome)));
  const auto recipient = kind ? reader_.recipient(*kind) : std::nullopt;
  const bool is_for_it = recipient && *recipient == node.engine->origin();
  const bool is_suspect = is_second || datagram.nature != Nature::own;
  if (is_suspect && (is_second || !is_for_it) && look_at_peers(datagram.to) != peers_before)
    fail_check(fmt::format("hostile: to node {}, {} {} is a sign of life", datagram.to, name(datagram.nature),
                           is_second ? "that it has had already" : "that is not for it"));
  const bool is_opened = outcome || std::find(unsound_codes.begin(), unsound_codes.end(),
                                              outcome.error().code) == unsound_codes.end();
  const auto header = sealed_header(datagram.bytes);
  if (!is_opened || !header || datagram.nature == Nature::made) return;
  node.opened.insert(identity(*header, datagram.port));
  std::uint64_t& highest = node.counters_highest[{header->sender, datagram.port}];
  highest = std::max(highest, header->counter);
}

/// Whatever is made up must not cost a derivation each.
void Simulation::check_derived(NodeIndex index) {
  const Node& node = nodes_[index];
  const std::uint64_t most = lives_count_ * reader_.ring().keys.size() * (1 + node.keys_changes);
  const std::uint64_t derived = node.engine->counts().keys.derived;
  if (derived > most)
    fail_check(fmt::format("hostile: node {} has derived {} subkeys, of {} senders that there were", index,
                           derived, lives_count_));
}

void Simulation::check_dead(NodeIndex index) {
  Node& node = nodes_[index];
  if (options_.believe_damage || now_ - node.dead_looked_for < dead_looked_for_every) return;
  node.dead_looked_for = now_;
  if (options_.keys_are_secret) check_derived(index);
  if (now_ - node.awake_since < dead_known_within) return;
  for (const auto& [origin, died_at] : died_) {
    if (now_ - died_at < dead_known_within) continue;
    for (const PeerView& peer : node.engine->peers(now_))
      if (peer.origin == origin && (peer.state == "alive" || peer.state == "suspect"))
        fail_check(fmt::format("hostile: to node {} the dead {:016x} is {} after {} s", index, origin.value,
                               peer.state, (now_ - died_at) / seconds(1)));
  }
}

}  // namespace starling::sim
