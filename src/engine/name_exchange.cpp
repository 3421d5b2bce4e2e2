#include "engine/name_exchange.hpp"

#include <algorithm>

namespace starling {

static_assert(wire::rule_name_bytes_max == rule_text_bytes_max);
static_assert(wire::principal_bytes_max == principal_text_bytes_max);

bool NameExchange::makes_room(Instant now) {
  if (asked_.size() < asked_max) return true;
  absl::erase_if(asked_, [&](const auto& item) { return now - item.second.at > rest_after_vain; });
  return asked_.size() < asked_max;
}

bool NameExchange::want(CounterKey key, std::uint32_t window_s, std::span<const OriginId> holders,
                        Instant now) {
  auto found = asked_.find(key);
  if (found != asked_.end()) {
    if (now - found->second.at < next_ask_after) return true;
    if (now - found->second.at >= rest_after_vain) found->second.times = 0;
    if (found->second.times >= asks_max) return false;
  }
  std::vector<OriginId> live;
  for (const OriginId holder : holders) {
    const Peer* peer = membership_.find(holder);
    if (peer != nullptr && peer->live()) live.push_back(holder);
    if (live.size() == asks_max) break;
  }
  if (live.empty() || (found == asked_.end() && !makes_room(now))) return false;
  Asked& asked = asked_[key];
  const OriginId holder = live[asked.times % live.size()];
  asked = Asked{.of = holder, .at = now, .window_s = window_s, .times = asked.times + 1};
  outgoing_[holder].push_back(key);
  return true;
}

void NameExchange::send(Egress& egress, wire::Encoder& encoder, Instant now, Effects& effects) {
  for (const auto& [origin, keys] : outgoing_) {
    const Peer* peer = membership_.find(origin);
    for (std::size_t first = 0; first < keys.size(); first += wire::keys_per_query_max) {
      const std::size_t count = std::min(wire::keys_per_query_max, keys.size() - first);
      const std::span<const CounterKey> page = std::span(keys).subspan(first, count);
      if (peer == nullptr || !egress.may_send(Purpose::repair, now)) {
        for (const CounterKey key : page) asked_.erase(key);  // the next look asks again
        continue;
      }
      const auto datagram = encoder.encode(
          wire::NamesQuery{.sender = self_, .recipient = origin, .keys = {page.begin(), page.end()}});
      egress.on_sent(Purpose::repair, datagram);
      effects.send(Port::sync, peer->sync, datagram);
    }
  }
  outgoing_.clear();
}

const Peer* NameExchange::live_peer(OriginId sender, OriginId recipient, const Address& from) const {
  const Peer* peer = membership_.find(sender);
  const bool sound =
      peer != nullptr && peer->live() && recipient == self_ && membership_.speaks_from(sender, from);
  return sound ? peer : nullptr;
}

Result<void> NameExchange::on_query(const wire::NamesQuery& query, const Endpoint& from, Egress& egress,
                                    wire::Encoder& encoder, Instant now, Effects& effects) {
  const Peer* peer = live_peer(query.sender, query.recipient, from.address);
  if (peer == nullptr) return fail(ErrorCode::unknown_sender);
  wire::Names answer{.sender = self_, .recipient = query.sender, .names = {}};
  wire::NamesSize size;
  std::size_t answers = 0;
  const auto flush = [&] {
    if (answer.names.empty() || !egress.may_send(Purpose::repair, now)) return false;
    const auto datagram = encoder.encode(answer);
    egress.on_sent(Purpose::repair, datagram);
    effects.send(Port::sync, peer->sync, datagram);
    answer.names.clear();
    size = {};
    return ++answers < answers_max;
  };
  for (const CounterKey key : query.keys) {
    const auto name = names_.peek(key);
    if (!name) continue;
    wire::CounterName told{.key = key,
                           .limit = name->limit,
                           .window_s = name->window_s,
                           .rule = std::string(name->rule),
                           .principal = std::string(name->principal)};
    if (!size.add(told)) {
      if (!flush()) return {};  // it will ask again
      (void)size.add(told);     // an empty datagram has room for any name
    }
    answer.names.push_back(std::move(told));
  }
  flush();
  return {};
}

Result<void> NameExchange::on_names(const wire::Names& names, const Endpoint& from, Instant now) {
  if (live_peer(names.sender, names.recipient, from.address) == nullptr)
    return fail(ErrorCode::unknown_sender);
  for (const wire::CounterName& name : names.names) {
    const auto asked = asked_.find(name.key);
    const bool wanted = asked != asked_.end() && asked->second.of == names.sender &&
                        asked->second.window_s == name.window_s && now - asked->second.at <= answer_taken_for;
    if (!wanted) {
      ++refused_count_;
      continue;
    }
    asked_.erase(asked);
    names_.put(
        name.key,
        CounterName{
            .rule = name.rule, .principal = name.principal, .window_s = name.window_s, .limit = name.limit});
  }
  return {};
}

}  // namespace starling
