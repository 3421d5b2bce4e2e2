#include <algorithm>
#include <cstdint>
#include <cstring>

#include "starling_generated.h"
#include "wire/codec.hpp"
#include "wire/field.hpp"
#include "wire/header.hpp"

namespace starling::wire {
namespace {

// Offsets in a buffer may point at the same vector many times; what counts is what we would have to walk.
constexpr std::size_t entries_max = datagram_bytes_max / sizeof(fb::Entry);

bool printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7F; });
}

Result<void> read_groups(const fb::Delta& table, Delta& out) {
  out.entries.clear();
  if (table.groups() == nullptr) return {};
  for (const fb::Group* group : *table.groups()) {
    if (!is_aligned(group->entries()) || !is_aligned(group->wide())) return fail(ErrorCode::malformed);
    const std::size_t count = (group->entries() == nullptr ? 0 : group->entries()->size()) +
                              (group->wide() == nullptr ? 0 : group->wide()->size());
    if (count == 0 || out.entries.size() + count > entries_max)
      return tl::unexpected(bad(Field::entries_count));
    const DeltaEntry window{.window_s = group->window_s(),
                            .window_id = WindowId{group->window_id()},
                            .key = {},
                            .count = 0,
                            .version = {}};
    if (window.window_s == 0) return tl::unexpected(bad(Field::window_length));
    const auto add = [&](std::uint64_t key, Hits hits, std::uint64_t version) {
      DeltaEntry entry = window;
      entry.key = CounterKey{key};
      entry.count = hits;
      entry.version = Version{version};
      out.entries.push_back(entry);
      return version > out.from.value && version <= out.to.value;
    };
    bool in_range = true;
    if (group->entries() != nullptr)
      for (const fb::Entry* entry : *group->entries())
        in_range &= add(entry->key(), entry->count(), out.from.value + entry->version_offset());
    if (group->wide() != nullptr)
      for (const fb::WideEntry* entry : *group->wide())
        in_range &= add(entry->key(), entry->count(), entry->version());
    if (!in_range) return tl::unexpected(bad(Field::entry_version));
  }
  const auto older = [](const DeltaEntry& a, const DeltaEntry& b) { return a.version < b.version; };
  // Of one window they come in order.
  if (!std::is_sorted(out.entries.begin(), out.entries.end(), older))
    std::sort(out.entries.begin(), out.entries.end(), older);
  return {};
}

}  // namespace

Result<Kind> Decoder::open(std::span<const std::byte> datagram, Port port, Instant now) {
  body_bytes_ = 0;
  seal_.reset();
  if (datagram.size() > datagram_bytes_max) return fail(ErrorCode::too_long);
  const auto header = Header::read(datagram);
  if (!header) return tl::unexpected(header.error());
  if (header->cluster_tag != cluster_tag_) return fail(ErrorCode::wrong_cluster);
  if (port != port_of(header->kind)) return fail(ErrorCode::wrong_port);
  if (header->form == Form::sealed) {
    if (opener_ == nullptr) return fail(ErrorCode::sealed);
    const auto opened = opener_->open(datagram, body_->bytes, now);
    if (!opened) return tl::unexpected(opened.error());
    seal_ = *opened;
    body_bytes_ = opened->body_bytes;
    return header->kind;
  }
  if (opener_ != nullptr && opener_->plain() == PlainPackets::refused) return fail(ErrorCode::not_sealed);
  body_bytes_ = datagram.size() - header_bytes;
  if (body_bytes_ != 0) std::memcpy(body_->bytes.data(), datagram.data() + header_bytes, body_bytes_);
  return header->kind;
}

Result<const Delta*> Decoder::delta() {
  const auto* table = verified_root<fb::Delta>();
  if (table == nullptr) return fail(ErrorCode::malformed);
  delta_.sender = OriginId{table->sender()};
  delta_.origin = OriginId{table->origin()};
  delta_.from = Version{table->from()};
  delta_.to = Version{table->to()};
  delta_.recipient = OriginId{table->recipient()};
  delta_.ack = Version{table->ack()};
  delta_.partial = table->partial();
  delta_.patient = table->patient();
  if (!may_say(delta_.sender)) return tl::unexpected(bad(Field::sender));
  if (delta_.origin == OriginId{}) return tl::unexpected(bad(Field::origin));
  if (delta_.from > delta_.to) return tl::unexpected(bad(Field::version_range));
  const auto read = read_groups(*table, delta_);
  if (!read) return tl::unexpected(read.error());
  return &delta_;
}

Result<const Pull*> Decoder::pull() {
  const auto* table = verified_root<fb::Pull>();
  if (table == nullptr) return fail(ErrorCode::malformed);
  pull_ = Pull{.sender = OriginId{table->sender()},
               .recipient = OriginId{table->recipient()},
               .origin = OriginId{table->origin()},
               .from = Version{table->from()}};
  if (!may_say(pull_.sender)) return tl::unexpected(bad(Field::sender));
  if (pull_.origin == OriginId{}) return tl::unexpected(bad(Field::origin));
  return &pull_;
}

Result<const Heartbeat*> Decoder::heartbeat() {
  const auto* table = verified_root<fb::Heartbeat>();
  if (table == nullptr || !is_aligned(table->peers()) || !is_aligned(table->holdings()))
    return fail(ErrorCode::malformed);
  Heartbeat& out = heartbeat_;
  const std::string_view name = table->name() == nullptr ? "" : table->name()->string_view();
  const std::string_view software = table->software() == nullptr ? "" : table->software()->string_view();
  if (!may_say(OriginId{table->sender()})) return tl::unexpected(bad(Field::sender));
  if (name.size() > name_bytes_max || software.size() > software_bytes_max || !printable(name) ||
      !printable(software))
    return tl::unexpected(bad(Field::name_text));
  if (table->state() > fb::NodeState::MAX) return tl::unexpected(bad(Field::node_state));
  if (table->sync_port() == 0) return tl::unexpected(bad(Field::sync_port));
  if (table->peers() != nullptr && table->peers()->size() > peers_per_heartbeat_max)
    return tl::unexpected(bad(Field::peers_list));
  if (table->holdings() != nullptr && table->holdings()->size() > holdings_per_heartbeat_max)
    return tl::unexpected(bad(Field::holdings_list));

  out.sender = OriginId{table->sender()};
  out.recipient = OriginId{table->recipient()};
  out.name = name;
  out.software = software;
  out.state = static_cast<NodeState>(table->state());
  out.sync_port = table->sync_port();
  out.version = Version{table->version()};
  out.ack = Version{table->ack()};
  // Clocks beyond the year 9999 are nobody's; clamped here so that arithmetic with them cannot overflow.
  out.wall = WallTime(WallClock::duration(
      std::clamp<std::int64_t>(table->wall_ms(), 0, static_cast<std::int64_t>(wall_ms_max))));
  out.sent_ns = table->sent_ns();
  out.echo_ns = table->echo_ns();
  out.echo_held_us = table->echo_held_us();
  out.peers.clear();
  if (table->peers() != nullptr) {
    for (const fb::PeerAddress* peer : *table->peers()) {
      Endpoint endpoint{.address = {}, .port = peer->heartbeat_port()};
      std::copy_n(peer->address()->begin(), 16, endpoint.address.bytes.begin());
      if (endpoint.port != 0 && !endpoint.address.is_unspecified()) out.peers.push_back(endpoint);
    }
  }
  out.holdings.clear();
  if (table->holdings() != nullptr)
    for (const fb::Holding* holding : *table->holdings())
      out.holdings.push_back(
          Holding{OriginId{holding->origin()}, Version{holding->watermark()}, holding->beyond()});
  out.holdings_count = table->holdings_count();
  out.lists_holdings = table->lists_holdings();
  out.interval_ms = std::min(table->interval_ms(), heartbeat_interval_ms_max);
  out.wants_answer = table->wants_answer();
  out.peer_delay_us = std::min(table->peer_delay_us(), peer_delay_us_max);
  out.overrides = table->overrides();
  return &out;
}

Result<const Inquiry*> Decoder::inquiry() {
  const auto* table = verified_root<fb::Inquiry>();
  if (table == nullptr) return fail(ErrorCode::malformed);
  inquiry_ = Inquiry{.sender = OriginId{table->sender()},
                     .recipient = OriginId{table->recipient()},
                     .origin = OriginId{table->origin()},
                     .sent_ns = table->sent_ns()};
  if (!may_say(inquiry_.sender)) return tl::unexpected(bad(Field::sender));
  if (inquiry_.origin == OriginId{}) return tl::unexpected(bad(Field::origin));
  return &inquiry_;
}

Result<const Witness*> Decoder::witness() {
  const auto* table = verified_root<fb::Witness>();
  if (table == nullptr) return fail(ErrorCode::malformed);
  witness_ = Witness{.sender = OriginId{table->sender()},
                     .recipient = OriginId{table->recipient()},
                     .origin = OriginId{table->origin()},
                     .echo_ns = table->echo_ns(),
                     .heard_us = table->heard_us()};
  if (!may_say(witness_.sender)) return tl::unexpected(bad(Field::sender));
  if (witness_.origin == OriginId{}) return tl::unexpected(bad(Field::origin));
  return &witness_;
}

}  // namespace starling::wire
