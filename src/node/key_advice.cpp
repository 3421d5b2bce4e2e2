#include "node/key_advice.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

#include "node/advice_words.hpp"
#include "node/key_file.hpp"

namespace starling {
namespace {

class KeyAdviser {
 public:
  KeyAdviser(const NodeStatus& status, std::vector<Advice>& out, std::vector<Advice>& notes)
      : status_(status), keys_(status.counts.keys), out_(out), notes_(notes) {}

  void on_file();
  void on_strangers();
  void on_plain();
  void on_old_keys();

 private:
  template <class... Args>
  void add(std::string_view code, fmt::format_string<Args...> text, Args&&... args) {
    out_.push_back({.code = code, .text = fmt::vformat(text, fmt::make_format_args(args...))});
  }
  std::uint64_t recent(Trouble trouble) const { return status_[trouble].recent; }
  /// Those that are alive and use `key`; nothing: plain packets.
  std::vector<std::string> users_of(std::optional<wire::KeyId> key) const {
    std::vector<std::string> names;
    for (const PeerView& peer : status_.peers)
      if (peer.state == "alive" && peer.key == key) names.push_back(peer.name);
    return names;
  }

  const NodeStatus& status_;
  const KeysView& keys_;
  std::vector<Advice>& out_;
  std::vector<Advice>& notes_;
};

void KeyAdviser::on_file() {
  if (!status_.keys.error.empty())
    add("key_file_refused",
        "the key file was refused and the old keys are in force ({}): {}; mend it, the node notices by "
        "itself",
        to_text(keys_.ids, keys_.plain), status_.keys.error);
}

void KeyAdviser::on_strangers() {
  if (const auto count = recent(Trouble::sealed); count != 0)
    add("sealed",
        "{} datagram(s) were sealed {} and this node has no keys{}: if those nodes are yours, give this one "
        "their "
        "key file by --key-file",
        count, lately, last_from(status_.keys.sealed_from));
  if (const auto count = recent(Trouble::not_sealed); count != 0)
    add("not_sealed",
        "{} datagram(s) were not sealed {} and this node takes no such{}: if those nodes are yours, give "
        "them this "
        "key file ({}) by --key-file; a cluster that runs without keys gets them in three steps, of which "
        "the "
        "first has `plain` above the key on every node",
        count, lately, last_from(status_.keys.not_sealed_from), to_text(keys_.ids, keys_.plain));
  if (const auto count = recent(Trouble::unknown_key); count != 0)
    add("unknown_key",
        "{} datagram(s) were sealed {} with keys that this node does not have{}{}: if those nodes are yours, "
        "put "
        "that key into the key file here (now {}); a new key goes below the old one on every node before any "
        "node seals with it",
        count, lately, status_.keys.unknown.empty() ? "" : ", last ", some_of(status_.keys.unknown),
        to_text(keys_.ids, keys_.plain));
  if (const auto count = recent(Trouble::bad_seal); count != 0)
    add("bad_seal",
        "{} datagram(s) named a key of this node and did not open with it {}{}: --cluster must be the same "
        "on all "
        "nodes (here: {}); if it is, somebody makes datagrams up: keep UDP {} and {} reachable for these "
        "nodes "
        "only",
        count, lately, last_from(status_.keys.bad_seal_from), status_.cluster,
        status_.listeners.heartbeat.port, status_.listeners.sync.port);
}

/// A ring with `plain` in it is a step on the way, and who stays there has no protection.
void KeyAdviser::on_plain() {
  if (keys_.ids.empty() || keys_.plain == wire::PlainPackets::refused) return;
  if (keys_.plain == wire::PlainPackets::sent) {
    add("plain_sent",
        "gossip is not encrypted yet, for `plain` is the first entry of {}: when every node has this key "
        "file, "
        "put the key above `plain` on every node",
        status_.keys.file);
    return;
  }
  const std::vector<std::string> plain = users_of(std::nullopt);
  if (plain.empty())
    add("plain_accepted",
        "packets that are not sealed are still taken, and no peer sends such: when every node seals, remove "
        "`plain` from {} on every node",
        status_.keys.file);
  else
    add("plain_accepted",
        "packets that are not sealed are still taken, and {} peer(s) send such ({}): put a key above `plain` "
        "in "
        "their key files, then remove `plain` on every node",
        plain.size(), some_of(plain));
}

/// A note: an old key that is kept harms only when somebody else has it.
void KeyAdviser::on_old_keys() {
  if (keys_.ids.size() < 2) return;
  std::vector<std::string> unused;
  for (std::size_t i = keys_.plain == wire::PlainPackets::sent ? 0 : 1; i < keys_.ids.size(); ++i)
    if (users_of(keys_.ids[i]).empty()) unused.push_back(to_text(keys_.ids[i]));
  if (!unused.empty())
    notes_.push_back(
        {.code = "keys_unused",
         .text = fmt::format("no peer seals with key {}: if it is an old one, remove it from {} on every "
                             "node; if it is a new one that every node has, put it above the others",
                             some_of(std::move(unused)), status_.keys.file),
         .is_note = true});
}

}  // namespace

void advise_on_keys(const NodeStatus& status, std::vector<Advice>& out, std::vector<Advice>& notes) {
  KeyAdviser adviser(status, out, notes);
  adviser.on_file();
  adviser.on_strangers();
  adviser.on_plain();
  adviser.on_old_keys();
}

}  // namespace starling
