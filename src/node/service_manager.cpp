#include "node/service_manager.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstring>

namespace starling {
namespace {

constexpr long long watchdog_us_max = 24LL * 3600 * 1'000'000;

std::optional<long long> number_in(const char* text) {
  long long number = 0;
  if (text == nullptr) return std::nullopt;
  const char* const last = text + std::strlen(text);
  const auto [end, error] = std::from_chars(text, last, number);
  if (error != std::errc{} || end != last || number <= 0) return std::nullopt;
  return number;
}

}  // namespace

ServiceManager::ServiceManager(const std::function<const char*(const char*)>& environment, long own_pid) {
  const char* const socket = environment("NOTIFY_SOCKET");
  const bool fits = socket != nullptr && (*socket == '/' || *socket == '@') && socket[1] != '\0' &&
                    std::strlen(socket) < sizeof(sockaddr_un::sun_path);
  if (!fits) return;
  socket_ = socket;
  const char* const whose = environment("WATCHDOG_PID");
  const auto period_us = number_in(environment("WATCHDOG_USEC"));
  if (period_us && *period_us <= watchdog_us_max && (whose == nullptr || number_in(whose) == own_pid))
    sign_of_life_every_ = std::chrono::milliseconds(std::max(*period_us / 2000, 1LL));
}

bool ServiceManager::tell(std::string_view state) const {
  if (!is_there()) return false;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, socket_.data(), socket_.size());
  if (address.sun_path[0] == '@') address.sun_path[0] = '\0';
  const int made = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (made < 0) return false;
  const auto bytes = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket_.size());
  const ssize_t sent = sendto(made, state.data(), state.size(), MSG_NOSIGNAL,
                              reinterpret_cast<const sockaddr*>(&address), bytes);
  close(made);
  return sent == static_cast<ssize_t>(state.size());
}

}  // namespace starling
