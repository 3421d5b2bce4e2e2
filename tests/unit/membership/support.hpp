/// An outside world that only remembers what it was asked to do.
#pragma once

#include <string>
#include <vector>

#include "base/effects.hpp"

namespace starling {

struct RecordingEffects final : Effects {
  struct Sent {
    Port via{};
    Endpoint to;
    std::vector<std::byte> bytes;
  };
  std::vector<Sent> sent;
  std::vector<Notice::Kind> notices;

  void send(Port via, const Endpoint& to, std::span<const std::byte> datagram) override {
    sent.push_back({via, to, {datagram.begin(), datagram.end()}});
  }
  void notify(const Notice& notice) override { notices.push_back(notice.kind); }

  std::size_t count(Notice::Kind kind) const {
    std::size_t found = 0;
    for (const Notice::Kind seen : notices) found += seen == kind ? 1 : 0;
    return found;
  }
};

}  // namespace starling
