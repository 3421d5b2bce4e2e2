// Packets to the sync port: deltas, pulls, live overrides, names, and the questions for them.
#include <array>

#include "packet_target.hpp"

using namespace starling;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes_count) {
  using enum wire::Kind;
  static constexpr std::array kinds{delta, pull, overrides, overrides_query, names_query, names};
  return fuzz::try_packet(Port::sync, kinds, data, bytes_count);
}
