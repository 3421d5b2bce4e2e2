// Writes the packets of `recorded_messages.hpp` as the present encoder writes them, into the folder given.
// For whoever releases a version that changed the schema: see recorded/README.md.
#include <cstdio>
#include <fstream>

#include "packets.hpp"
#include "recorded_messages.hpp"

int main(int argc, char** argv) {
  using namespace starling::wire;
  if (argc != 2) {
    std::fprintf(stderr, "expected the folder to write to, as the only argument\n");
    return 2;
  }
  Encoder encoder(tag);
  for (const Recorded& recorded : recorded_0_2_0()) {
    const auto bytes =
        std::visit([&](const auto& message) { return encoder.encode(message); }, recorded.message);
    std::ofstream file(std::string(argv[1]) + "/" + recorded.name + ".hex");
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      char digits[3];
      std::snprintf(digits, sizeof digits, "%02x", static_cast<unsigned>(bytes[i]));
      file << digits << (i % 32 == 31 || i + 1 == bytes.size() ? "\n" : "");
    }
    if (!file.flush()) {
      std::fprintf(stderr, "cannot write %s/%s.hex\n", argv[1], recorded.name.c_str());
      return 1;
    }
  }
  return 0;
}
