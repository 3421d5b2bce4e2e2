#include "wire/opener.hpp"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <map>
#include <vector>

#include "base/check.hpp"
#include "wire/seal.hpp"

namespace starling::wire {
namespace {

struct Key {
  KeyId id;
  MasterKey master;
  MarkKey mark_key;
};

/// Which of a sender's packets to one port have come: a ring of words, one more than the window takes, so
/// that a step forward empties whole words. Source: RFC 6479.
class ReplayWindow {
 public:
  /// True, and noted, if this one has not.
  bool take(std::uint64_t counter) {
    if (counter > highest_) {
      // All between are missing; what they were called a round ago does not matter any more.
      const std::uint64_t entered =
          std::min<std::uint64_t>(counter / word_bits - highest_ / word_bits, words_count);
      for (std::uint64_t i = 0; i < entered; ++i) seen_[(counter / word_bits - i) % words_count] = 0;
      highest_ = counter;
    } else if (highest_ - counter >= replay_window_packets) {
      return false;
    }
    std::uint64_t& word = seen_[counter / word_bits % words_count];
    const std::uint64_t bit = std::uint64_t{1} << (counter % word_bits);
    if ((word & bit) != 0) return false;
    word |= bit;
    return true;
  }

 private:
  static constexpr std::size_t word_bits = 64;
  static constexpr std::size_t words_count = replay_window_packets / word_bits + 1;
  static_assert(replay_window_packets % word_bits == 0);

  std::uint64_t highest_ = 0;
  std::array<std::uint64_t, words_count> seen_{};
};

struct Sender {
  struct Known {
    KeyId key;
    MasterKey master;  // two keys may have one id
    Subkey subkey;
  };
  std::vector<Known> subkeys;
  std::array<ReplayWindow, 2> windows;  // by port
};

/// Senders in the order of when they were heard, roughly: the young, and those that nobody has moved among
/// them since the young were few. At half the bound the old go and the young become the old. An ordered map,
/// because those with a key choose their origins, and could choose ones that collide in a table.
class Senders {
 public:
  Sender* find(OriginId origin) {
    if (const auto young = young_.find(origin); young != young_.end()) return &young->second;
    const auto old = old_.find(origin);
    return old == old_.end() ? nullptr : &old->second;
  }

  /// The sender of something that has opened, from now on one of the young.
  Sender& keep(OriginId origin) {
    if (const auto young = young_.find(origin); young != young_.end()) return young->second;
    auto known = old_.extract(origin);
    if (young_.size() >= senders_max / 2) {
      old_ = std::move(young_);
      young_.clear();
    }
    if (known.empty()) return young_[origin];
    return young_.insert(std::move(known)).position->second;
  }

  template <class Change>
  void for_each(Change change) {
    for (auto* senders : {&young_, &old_})
      for (auto& [origin, sender] : *senders) change(sender);
  }

  std::size_t count() const { return young_.size() + old_.size(); }

 private:
  std::map<OriginId, Sender> young_;
  std::map<OriginId, Sender> old_;
};

/// Derivations that may be paid for: a bucket, kept as the time at which it will be full again.
class Budget {
 public:
  bool take(Instant now) {
    constexpr Duration each = Duration(std::chrono::seconds(1)) / derivations_per_s;
    full_at_ = std::max(full_at_, now);
    if (full_at_ - now > each * (derivations_burst - 1)) return false;
    full_at_ += each;
    return true;
  }

 private:
  Instant full_at_{};
};

const Sender::Known* find_subkey(const Sender& sender, const Key& key) {
  const auto known = std::find_if(sender.subkeys.begin(), sender.subkeys.end(), [&](const auto& subkey) {
    return subkey.key == key.id && subkey.master == key.master;
  });
  return known == sender.subkeys.end() ? nullptr : &*known;
}

}  // namespace

struct Opener::State {
  explicit State(std::string_view cluster) : associated(cluster) {}

  /// The key that this header was marked with. Errors: unknown_key, bad_seal.
  Result<const Key*> key_of(std::span<const std::byte> datagram, const SealedHeader& header) const {
    Error error{.code = ErrorCode::unknown_key, .detail = header.key.value};
    for (const Key& key : keys) {
      if (key.id != header.key) continue;
      if (mark_of(datagram, key.mark_key) == header.mark) return &key;
      error = Error{.code = ErrorCode::bad_seal};
    }
    return tl::unexpected(error);
  }

  std::vector<Key> keys;
  PlainPackets plain = PlainPackets::sent;
  Senders senders;
  Budget budget;
  AssociatedData associated;
  Counts counts;
};

Opener::Opener(std::string_view cluster, const KeyRing& ring) : state_(std::make_unique<State>(cluster)) {
  replace(ring);
}

Opener::~Opener() = default;

void Opener::replace(const KeyRing& ring) {
  STARLING_CHECK(ring.keys.size() <= keys_per_ring_max);
  State& state = *state_;
  state.plain = ring.plain;
  state.keys.clear();
  for (const MasterKey& key : ring.keys)
    state.keys.push_back(
        Key{.id = key.id(), .master = key, .mark_key = derive_mark_key(key, state.associated.cluster())});
  state.senders.for_each([&](Sender& sender) {
    std::erase_if(sender.subkeys, [&](const Sender::Known& known) {
      return std::find(ring.keys.begin(), ring.keys.end(), known.master) == ring.keys.end();
    });
  });
}

PlainPackets Opener::plain() const {
  return state_->plain;
}

Result<Opener::Opened> Opener::open(std::span<const std::byte> datagram, std::span<std::byte> out,
                                    Instant now) {
  State& state = *state_;
  if (state.keys.empty()) return fail(ErrorCode::sealed);
  if (datagram.size() < header_bytes + seal_bytes) return fail(ErrorCode::too_short);
  const std::size_t body_bytes = datagram.size() - header_bytes - seal_bytes;
  STARLING_CHECK(out.size() >= body_bytes);
  const auto header = Header::read(datagram);
  if (!header) return tl::unexpected(header.error());
  const SealedHeader seal = SealedHeader::read(datagram);
  const auto key = state.key_of(datagram, seal);
  if (!key) return tl::unexpected(key.error());

  Sender* sender = state.senders.find(seal.sender);
  const Sender::Known* known = sender == nullptr ? nullptr : find_subkey(*sender, **key);
  if (known == nullptr) {
    if (!state.budget.take(now)) return fail(ErrorCode::too_many_senders);
    // The mark says that somebody with the key has named this sender. It is kept whether the rest opens or
    // not: else one header that was overheard, before any body, would cost a derivation each time.
    sender = &state.senders.keep(seal.sender);
    sender->subkeys.push_back(
        {.key = seal.key,
         .master = (*key)->master,
         .subkey = derive_subkey((*key)->master, seal.sender, state.associated.cluster())});
    known = &sender->subkeys.back();
    ++state.counts.derived;
  }
  const Port port = port_of(header->kind);
  const auto associated = state.associated.of(datagram);
  const Nonce nonce = nonce_of(port, seal.counter);
  const auto* sealed = reinterpret_cast<const unsigned char*>(datagram.data() + sealed_header_bytes);
  const int rc = crypto_aead_chacha20poly1305_ietf_decrypt(
      reinterpret_cast<unsigned char*>(out.data()), nullptr, nullptr, sealed, body_bytes + tag_bytes,
      associated.data(), associated.size(), nonce.data(), known->subkey.bytes.data());
  if (rc != 0) return fail(ErrorCode::bad_seal);

  ++state.counts.opened;
  ReplayWindow& window = state.senders.keep(seal.sender).windows[static_cast<std::size_t>(port)];
  return Opened{.sender = seal.sender,
                .key = seal.key,
                .body_bytes = body_bytes,
                .is_repeated = !window.take(seal.counter)};
}

const Opener::Counts& Opener::counts() const {
  return state_->counts;
}

std::size_t Opener::senders_count() const {
  return state_->senders.count();
}

}  // namespace starling::wire
