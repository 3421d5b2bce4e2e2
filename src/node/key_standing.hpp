/// How it stands with the keys of a running node: what became of the last reload, and from where came what
/// does not fit the ring. For people who change keys, and want to know which node was forgotten.
#pragma once

#include <optional>
#include <string>

#include "base/endpoint.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "node/recent_senders.hpp"
#include "node/status.hpp"

namespace starling {

class KeyStanding {
 public:
  /// The ring was replaced.
  void on_replaced(Instant now);
  /// The key file became what is none; `problem` is one line for people.
  void on_refused(std::string problem, Instant now);
  /// A datagram was dropped; only some reasons are about keys.
  void on_dropped(const Error& error, const Address& from, Instant now);

  /// `file`: the path, or nothing.
  NodeStatus::Keys status(const std::string& file, Instant now) const;
  bool last_reload_ok() const { return error_.empty(); }
  const NodeStatus::Reloads& reloads() const { return reloads_; }

 private:
  std::string error_;
  NodeStatus::Reloads reloads_;  // without the age, which follows from the next
  std::optional<Instant> last_reload_;
  RecentSenders sealed_from_;
  RecentSenders not_sealed_from_;
  RecentSenders bad_seal_from_;
  RecentSenders unknown_key_from_;
};

}  // namespace starling
