/// What the decoders share: how a field that is outside its bounds is reported.
#pragma once

#include <flatbuffers/flatbuffers.h>

#include <cstdint>

#include "base/result.hpp"

namespace starling::wire {

/// Numbers of the fields in protocol/README.md, reported as the detail of bad_field.
enum class Field : std::uint32_t {
  sender = 1,
  origin = 2,
  version_range = 3,
  window_length = 4,
  entry_version = 5,
  entries_count = 6,
  name_text = 7,
  node_state = 8,
  sync_port = 9,
  peers_list = 10,
  holdings_list = 11,
  override_range = 20,
  override_entries = 21,
  override_text = 22,
  override_match = 23,
  override_limits = 24,
  override_stamp = 25,
  override_expiry = 26,
  override_buckets = 27,
  names_keys = 31,
  names_list = 32,
  names_rule = 33,
  names_principal = 34,
};

inline Error bad(Field field) {
  return Error{ErrorCode::bad_field, static_cast<std::uint32_t>(field)};
}

/// The verifier of FlatBuffers 2.0 holds a vector's length to its alignment, but not its elements.
template <class Vector>
bool is_aligned(const Vector* vector, std::size_t alignment) {
  return vector == nullptr || vector->size() == 0 ||
         reinterpret_cast<std::uintptr_t>(vector->Data()) % alignment == 0;
}
template <class Struct>
bool is_aligned(const flatbuffers::Vector<const Struct*>* vector) {
  return is_aligned(vector, alignof(Struct));
}

}  // namespace starling::wire
