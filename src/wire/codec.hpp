/// From messages to datagrams and back.
///
/// Decoding trusts nothing: the header is checked first, a sealed body opened, then FlatBuffers verifies the
/// whole buffer before a field is touched, then every field is held to the bounds of protocol/README.md. A
/// datagram that fails any of it yields an Error and nothing else.
#pragma once

#include <flatbuffers/flatbuffers.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/endpoint.hpp"
#include "base/result.hpp"
#include "wire/header.hpp"
#include "wire/messages.hpp"
#include "wire/opener.hpp"
#include "wire/sealer.hpp"

namespace starling::wire {

/// A delta that goes to many, encoded but for whom it is for.
class PreparedDelta {
 private:
  friend class Encoder;
  std::vector<std::byte> body_;
  std::size_t recipient_at_ = 0;
  std::size_t ack_at_ = 0;
};

/// Writes messages. The buffer is reused: a span is valid until the next call.
class Encoder {
 public:
  /// `sealer`: seals what is encoded, whenever it `seals`; null: all is plain. It must outlive the encoder.
  explicit Encoder(std::uint64_t cluster_tag, Sealer* sealer = nullptr)
      : cluster_tag_(cluster_tag), sealer_(sealer), builder_(2 * datagram_bytes_max) {}

  /// `delta.entries` must fit (see DeltaSize).
  std::span<const std::byte> encode(const Delta& delta);
  /// The same in two steps, for a delta that goes to many: what they all get once, then for each what
  /// differs. Only with a recipient and an ack, here and there: neither may be 0.
  void prepare(const Delta& delta, PreparedDelta& out);
  std::span<const std::byte> encode(PreparedDelta& prepared, OriginId recipient, Version ack);
  std::span<const std::byte> encode(const Pull& pull);
  /// Names are cut to their bounds; at most the bounded number of peers and holdings is written.
  std::span<const std::byte> encode(const Heartbeat& heartbeat);
  std::span<const std::byte> encode(const Inquiry& inquiry);
  std::span<const std::byte> encode(const Witness& witness);
  /// The entries must fit: `overrides_fixed_bytes` and `override_bytes` of each.
  std::span<const std::byte> encode(const Overrides& overrides);
  std::span<const std::byte> encode(const OverridesQuery& query);
  /// At most the bounded number of keys is written.
  std::span<const std::byte> encode(const NamesQuery& query);
  /// `names.names` must fit (see NamesSize).
  std::span<const std::byte> encode(const Names& names);

 private:
  void build(const Delta& delta);
  std::span<const std::byte> finish(Kind kind);
  std::span<const std::byte> finish(Kind kind, std::span<const std::byte> body);

  std::uint64_t cluster_tag_;
  Sealer* sealer_;
  flatbuffers::FlatBufferBuilder builder_;
  std::vector<std::byte> datagram_;
};

/// Upper bounds, never exceeded, of what an Overrides packet takes without entries, and with each entry more.
inline constexpr std::size_t overrides_fixed_bytes = 136 + seal_bytes;
std::size_t override_bytes(const OverrideEntry& entry);

/// Tells, entry by entry, whether a delta still fits `datagram_bytes_max`: an upper bound, never exceeded.
class DeltaSize {
 public:
  /// `from_min`: the lowest `from` the delta may end up with; it decides which entries may need the wide
  /// form.
  explicit DeltaSize(Version from_min) : from_min_(from_min) {}

  /// True, and counted, if the entry still fits.
  bool add(const DeltaEntry& entry);

 private:
  static constexpr std::size_t groups_max = 16;
  // Header, seal, root offset, table with its vtable, vector of groups; padding included.
  static constexpr std::size_t fixed_bytes = header_bytes + seal_bytes + 8 + 28 + 64 + 12;
  struct Group {
    std::uint32_t window_s;
    WindowId window_id;
  };

  Version from_min_;
  std::size_t bytes_ = fixed_bytes;
  std::size_t groups_count_ = 0;
  std::array<Group, groups_max> groups_{};
};

/// The same for an answer with names.
class NamesSize {
 public:
  /// True, and counted, if the name still fits.
  bool add(const CounterName& name);

 private:
  // Header, seal, root offset, table with its vtable, vector of names, their vtable; padding included.
  static constexpr std::size_t fixed_bytes = header_bytes + seal_bytes + 8 + 40 + 16 + 20;
  std::size_t bytes_ = fixed_bytes;
  std::size_t names_count_ = 0;
};

/// Reads datagrams. Decoded messages are reused: valid until the next call.
class Decoder {
 public:
  /// `opener`: says what is taken and opens what is sealed; null: only plain packets are taken. It must
  /// outlive the decoder.
  explicit Decoder(std::uint64_t cluster_tag, Opener* opener = nullptr)
      : cluster_tag_(cluster_tag), opener_(opener) {}

  /// What kind of message this is. `now` matters to sealed ones only. Errors: too_short, too_long, bad_magic,
  /// wrong_protocol, wrong_cluster, unknown_kind, wrong_port, not_sealed, and those of `Opener::open`.
  Result<Kind> open(std::span<const std::byte> datagram, Port port, Instant now = Instant{});
  /// Who sealed what was opened, with which key; nothing: it came plain.
  const std::optional<Opener::Opened>& seal() const { return seal_; }
  /// It was opened before, or is too old to tell.
  bool is_repeated() const { return seal_ && seal_->is_repeated; }

  /// Call after `open` has said so. Errors: malformed, bad_field. Of a sealed message, the sender is who
  /// sealed it; another is a bad_field.
  Result<const Delta*> delta();
  Result<const Pull*> pull();
  Result<const Heartbeat*> heartbeat();
  Result<const Inquiry*> inquiry();
  Result<const Witness*> witness();
  Result<const Overrides*> overrides();
  Result<const OverridesQuery*> overrides_query();
  Result<const NamesQuery*> names_query();
  Result<const Names*> names();

 private:
  template <class Table>
  const Table* verified_root() const;
  bool may_say(OriginId sender) const { return sender != OriginId{} && (!seal_ || sender == seal_->sender); }

  std::uint64_t cluster_tag_;
  Opener* opener_;
  std::optional<Opener::Opened> seal_;
  // FlatBuffers reads in place and wants its buffer aligned; a datagram may come from anywhere.
  struct alignas(16) Aligned {
    std::array<std::byte, datagram_bytes_max> bytes;
  };
  std::unique_ptr<Aligned> body_ = std::make_unique<Aligned>();
  std::size_t body_bytes_ = 0;
  Delta delta_;
  Pull pull_;
  Heartbeat heartbeat_;
  Inquiry inquiry_;
  Witness witness_;
  Overrides overrides_;
  OverridesQuery overrides_query_;
  NamesQuery names_query_;
  Names names_;
};

template <class Table>
const Table* Decoder::verified_root() const {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(body_->bytes.data());
  // The verifier itself reads the root offset, so there must be one.
  if (body_bytes_ < sizeof(flatbuffers::uoffset_t)) return nullptr;
  flatbuffers::Verifier verifier(bytes, body_bytes_, 8, 256);
  if (!verifier.VerifyBuffer<Table>(nullptr)) return nullptr;
  return flatbuffers::GetRoot<Table>(bytes);
}

}  // namespace starling::wire
