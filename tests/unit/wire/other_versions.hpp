/// Packets as nodes of other versions would write them, from packets of ours.
///
/// FlatBuffers' object API unpacks what a schema knows of a buffer and packs it again: through the schema of
/// a release, so that everything younger is gone; through a schema of the future, so that fields nobody knows
/// yet are there.
#pragma once

#include <optional>

#include "packets.hpp"
#include "starling_0_1_0_generated.h"
#include "starling_future_generated.h"

namespace starling::wire {

/// Unpacks the body as `Table`, lets `change` alter it, and packs it behind the same header.
template <class Table, class Change>
Packet repacked(std::span<const std::byte> bytes, const Change& change) {
  const auto body = bytes.subspan(header_bytes);
  const Packet aligned(body.begin(), body.end());
  const auto object =
      std::unique_ptr<typename Table::NativeTableType>(flatbuffers::GetRoot<Table>(aligned.data())->UnPack());
  change(*object);
  flatbuffers::FlatBufferBuilder builder;
  builder.Finish(Table::Pack(builder, object.get()));
  Packet result(bytes.begin(), bytes.begin() + header_bytes);
  const auto* out = reinterpret_cast<const std::byte*>(builder.GetBufferPointer());
  result.insert(result.end(), out, out + builder.GetSize());
  return result;
}

/// As a node of 0.1.0 would have sent it; nothing if it knows no such kind of message.
inline std::optional<Packet> as_0_1_0(std::span<const std::byte> bytes) {
  const auto nothing = [](auto&) {};
  switch (static_cast<int>(bytes[5])) {
    case 1:
      return repacked<v0_1_0::Delta>(bytes, nothing);
    case 2:
      return repacked<v0_1_0::Pull>(bytes, nothing);
    case 3:
      return repacked<v0_1_0::Heartbeat>(bytes, nothing);
    default:
      return std::nullopt;
  }
}

/// As a node of a later version might send it: unknown fields in every table, something in the reserved
/// bytes.
template <class Table>
Packet as_future(std::span<const std::byte> bytes) {
  const auto add = [](auto& table) {
    table.future_number = 0xFFFF'FFFF'FFFF'FFFF;
    table.future_flag = true;
    table.future_text = "what nobody knows yet";
    table.future_list = {1, 2, 3};
  };
  Packet result = repacked<Table>(bytes, [&](auto& object) {
    add(object);
    if constexpr (requires { object.groups; })
      for (auto& group : object.groups) add(*group);
    if constexpr (requires { object.names; })
      for (auto& each : object.names) add(*each);
  });
  result[7] = std::byte{0xA5};
  return result;
}

}  // namespace starling::wire
