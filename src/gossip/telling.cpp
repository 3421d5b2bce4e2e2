#include "gossip/telling.hpp"

namespace starling {

Telling::Told* Telling::find(bool newest, Version from_min, Version sent, Version to) {
  for (std::size_t looked = 0; looked < count_; ++looked) {
    if (next_ >= count_) next_ = 0;
    Told& told = told_[next_++];
    if (told.newest == newest && told.from_min == from_min && told.sent == sent && told.to == to)
      return &told;
  }
  return nullptr;
}

Telling::Told& Telling::add(bool newest, Version from_min, Version sent, Version to) {
  if (count_ == remembered_max) count_ = 0;
  if (count_ == told_.size()) told_.emplace_back();
  next_ = count_ + 1;
  Told& told = told_[count_++];
  told.newest = newest;
  told.from_min = from_min;
  told.sent = sent;
  told.to = to;
  told.fits = true;
  told.is_prepared = false;
  told.delta.origin = told.delta.sender = self_;
  return told;
}

Telling::Told& Telling::newest(const PublishLog::Ends& ends, const DeltaPager::Range& range) {
  if (Told* known = find(true, range.from_min, range.sent, range.to)) return *known;
  Told& told = add(true, range.from_min, range.sent, range.to);
  told.fits = pager_.fill_newest(ends, range, told.delta);
  told.last = ends.newest;
  return told;
}

Telling::Told& Telling::page(const PublishLog::Ends& ends, Version from, Version to_max,
                             ComponentIndex hint) {
  if (Told* known = find(false, from, from, to_max)) return *known;
  Told& told = add(false, from, from, to_max);
  told.last = pager_.fill_page(ends, from, to_max, hint, told.delta);
  return told;
}

std::span<const std::byte> Telling::encode(Told& told, wire::Encoder& encoder, OriginId recipient,
                                           Version ack, bool patient) const {
  if (ack == Version{}) {  // such a packet is shorter
    told.delta.recipient = recipient;
    told.delta.ack = ack;
    told.delta.patient = patient;
    return encoder.encode(told.delta);
  }
  if (!told.is_prepared || told.prepared_patient != patient) {
    told.delta.recipient = recipient;
    told.delta.ack = ack;
    told.delta.patient = patient;
    encoder.prepare(told.delta, told.prepared);
    told.is_prepared = true;
    told.prepared_patient = patient;
  }
  return encoder.encode(told.prepared, recipient, ack);
}

}  // namespace starling
