#include <algorithm>
#include <array>
#include <numeric>

#include "base/check.hpp"
#include "starling_generated.h"
#include "wire/codec.hpp"
#include "wire/header.hpp"

namespace starling::wire {
namespace {

// Upper bounds of one more group (table, its vtable the first time, window, two vectors, offset, padding) and
// of one more entry.
constexpr std::size_t group_bytes = 72;
constexpr std::size_t entry_bytes = sizeof(fb::Entry);
constexpr std::size_t wide_entry_bytes = sizeof(fb::WideEntry);
/// More do not fit a datagram.
constexpr std::size_t delta_entries_max = datagram_bytes_max / entry_bytes;

bool needs_wide(const DeltaEntry& entry, Version from) {
  return entry.count > 0xFFFF'FFFF || entry.version.value - from.value > 0xFFFF'FFFF;
}

std::string_view cut(std::string_view text, std::size_t bytes_max) {
  return text.substr(0, bytes_max);
}

}  // namespace

std::span<const std::byte> Encoder::finish(Kind kind) {
  return finish(kind, {reinterpret_cast<const std::byte*>(builder_.GetBufferPointer()), builder_.GetSize()});
}

std::span<const std::byte> Encoder::finish(Kind kind, std::span<const std::byte> body) {
  STARLING_CHECK(header_bytes + body.size() + seal_bytes <= datagram_bytes_max);
  if (sealer_ != nullptr && sealer_->seals()) {
    datagram_.resize(header_bytes + body.size() + seal_bytes);
    sealer_->seal(kind, body, datagram_);
    return datagram_;
  }
  datagram_.resize(header_bytes + body.size());
  Header{.kind = kind, .cluster_tag = cluster_tag_}.write(
      std::span<std::byte, header_bytes>(datagram_.data(), header_bytes));
  std::copy(body.begin(), body.end(), datagram_.begin() + header_bytes);
  return datagram_;
}

void Encoder::build(const Delta& delta) {
  builder_.Clear();
  STARLING_CHECK(delta.entries.size() <= delta_entries_max);
  // Entries come by version; on the wire they are grouped by window. Few windows are live at a time, so the
  // groups are found by walking what is left once per group.
  std::array<flatbuffers::Offset<fb::Group>, delta_entries_max> groups;
  std::array<fb::Entry, delta_entries_max> entries;
  std::array<fb::WideEntry, delta_entries_max> wide;
  std::array<std::uint16_t, delta_entries_max> left;
  std::iota(left.begin(), left.begin() + static_cast<std::ptrdiff_t>(delta.entries.size()), std::uint16_t{0});
  std::size_t groups_count = 0;
  for (std::size_t left_count = delta.entries.size(); left_count > 0;) {
    const DeltaEntry& lead = delta.entries[left[0]];
    std::size_t entries_count = 0;
    std::size_t wide_count = 0;
    std::size_t others_count = 0;
    for (std::size_t i = 0; i < left_count; ++i) {
      const DeltaEntry& entry = delta.entries[left[i]];
      if (entry.window_s != lead.window_s || entry.window_id != lead.window_id) {
        left[others_count++] = left[i];
      } else if (needs_wide(entry, delta.from)) {
        wide[wide_count++] = fb::WideEntry(entry.key.value, entry.count, entry.version.value);
      } else {
        entries[entries_count++] =
            fb::Entry(entry.key.value, static_cast<std::uint32_t>(entry.count),
                      static_cast<std::uint32_t>(entry.version.value - delta.from.value));
      }
    }
    const auto entries_at =
        entries_count == 0 ? 0 : builder_.CreateVectorOfStructs(entries.data(), entries_count);
    const auto wide_at = wide_count == 0 ? 0 : builder_.CreateVectorOfStructs(wide.data(), wide_count);
    groups[groups_count++] =
        fb::CreateGroup(builder_, lead.window_id.value, lead.window_s, entries_at, wide_at);
    left_count = others_count;
  }
  const auto groups_at = groups_count == 0 ? 0 : builder_.CreateVector(groups.data(), groups_count);
  builder_.Finish(fb::CreateDelta(builder_, delta.sender.value, delta.origin.value, delta.from.value,
                                  delta.to.value, groups_at, delta.recipient.value, delta.ack.value,
                                  delta.partial, delta.patient));
}

std::span<const std::byte> Encoder::encode(const Delta& delta) {
  build(delta);
  return finish(Kind::delta);
}

void Encoder::prepare(const Delta& delta, PreparedDelta& out) {
  // Fields that are 0 are not written, so what shall be filled in must be something here.
  STARLING_CHECK(delta.recipient != OriginId{} && delta.ack != Version{});
  build(delta);
  const std::uint8_t* begin = builder_.GetBufferPointer();
  const auto* table = flatbuffers::GetRoot<flatbuffers::Table>(begin);
  const auto place = [&](flatbuffers::voffset_t field) {
    return static_cast<std::size_t>(table->GetAddressOf(field) - begin);
  };
  out.recipient_at_ = place(fb::Delta::VT_RECIPIENT);
  out.ack_at_ = place(fb::Delta::VT_ACK);
  const auto* bytes = reinterpret_cast<const std::byte*>(begin);
  out.body_.assign(bytes, bytes + builder_.GetSize());
}

std::span<const std::byte> Encoder::encode(PreparedDelta& prepared, OriginId recipient, Version ack) {
  STARLING_CHECK(recipient != OriginId{} && ack != Version{});
  flatbuffers::WriteScalar(prepared.body_.data() + prepared.recipient_at_, recipient.value);
  flatbuffers::WriteScalar(prepared.body_.data() + prepared.ack_at_, ack.value);
  return finish(Kind::delta, prepared.body_);
}

std::span<const std::byte> Encoder::encode(const Pull& pull) {
  builder_.Clear();
  builder_.Finish(
      fb::CreatePull(builder_, pull.sender.value, pull.recipient.value, pull.origin.value, pull.from.value));
  return finish(Kind::pull);
}

std::span<const std::byte> Encoder::encode(const Heartbeat& heartbeat) {
  builder_.Clear();
  std::vector<fb::PeerAddress> peers;
  for (const Endpoint& peer : heartbeat.peers) {
    if (peers.size() == peers_per_heartbeat_max) break;
    peers.emplace_back(flatbuffers::span<const std::uint8_t, 16>(peer.address.bytes.data(), 16), peer.port);
  }
  std::vector<fb::Holding> holdings;
  for (const Holding& holding : heartbeat.holdings) {
    if (holdings.size() == holdings_per_heartbeat_max) break;
    holdings.emplace_back(holding.origin.value, holding.watermark.value, holding.beyond);
  }
  const std::string_view name = cut(heartbeat.name, name_bytes_max);
  const std::string_view software = cut(heartbeat.software, software_bytes_max);
  const auto name_at = builder_.CreateString(name.data(), name.size());
  const auto software_at = builder_.CreateString(software.data(), software.size());
  const auto peers_at = peers.empty() ? 0 : builder_.CreateVectorOfStructs(peers);
  const auto holdings_at = holdings.empty() ? 0 : builder_.CreateVectorOfStructs(holdings);
  builder_.Finish(fb::CreateHeartbeat(
      builder_, heartbeat.sender.value, heartbeat.recipient.value, name_at, software_at,
      static_cast<fb::NodeState>(heartbeat.state), heartbeat.sync_port, heartbeat.version.value,
      heartbeat.ack.value, heartbeat.wall.time_since_epoch().count(), heartbeat.sent_ns, heartbeat.echo_ns,
      heartbeat.echo_held_us, peers_at, holdings_at, heartbeat.holdings_count, heartbeat.lists_holdings,
      heartbeat.interval_ms, heartbeat.wants_answer, heartbeat.peer_delay_us, heartbeat.overrides));
  return finish(Kind::heartbeat);
}

std::span<const std::byte> Encoder::encode(const Inquiry& inquiry) {
  builder_.Clear();
  builder_.Finish(fb::CreateInquiry(builder_, inquiry.sender.value, inquiry.recipient.value,
                                    inquiry.origin.value, inquiry.sent_ns));
  return finish(Kind::inquiry);
}

std::span<const std::byte> Encoder::encode(const Witness& witness) {
  builder_.Clear();
  builder_.Finish(fb::CreateWitness(builder_, witness.sender.value, witness.recipient.value,
                                    witness.origin.value, witness.echo_ns, witness.heard_us));
  return finish(Kind::witness);
}

bool DeltaSize::add(const DeltaEntry& entry) {
  const bool wide = needs_wide(entry, from_min_);
  std::size_t more = wide ? wide_entry_bytes : entry_bytes;
  const auto known_end = groups_.begin() + static_cast<std::ptrdiff_t>(groups_count_);
  const bool known = std::any_of(groups_.begin(), known_end, [&](const Group& group) {
    return group.window_s == entry.window_s && group.window_id == entry.window_id;
  });
  if (!known) {
    if (groups_count_ == groups_max) return false;
    more += group_bytes;
  }
  if (bytes_ + more > datagram_bytes_max) return false;
  if (!known) groups_[groups_count_++] = Group{entry.window_s, entry.window_id};
  bytes_ += more;
  return true;
}

}  // namespace starling::wire
