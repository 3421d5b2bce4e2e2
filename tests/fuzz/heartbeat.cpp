// Packets to the heartbeat port: heartbeats, inquiries and witnesses.
#include <array>

#include "packet_target.hpp"

using namespace starling;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes_count) {
  using enum wire::Kind;
  static constexpr std::array kinds{heartbeat, inquiry, witness};
  return fuzz::try_packet(Port::heartbeat, kinds, data, bytes_count);
}
