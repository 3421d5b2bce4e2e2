#pragma once

/// Waits for what no client can see: that its connection lies in the accept queue of a server.
/// `connect` returns when the client's kernel side is done. The last part of the handshake may reach the
/// listener later on a busy machine, after bytes that another client sends next, so a test in which the
/// newcomer has to come first waits here before it lets the others speak.

#include <poll.h>
#include <sys/socket.h>
#include <uv.h>

#include <chrono>

namespace starling::testing {

/// Waits, without a turn of `loop`, until a listener of it has a connection to accept.
inline bool newcomer_waits(uv_loop_t* loop) {
  struct Search {
    bool found = false;
  };
  const auto look = [](uv_handle_t* handle, void* data) {
    uv_os_fd_t fd = -1;
    int is_listening = 0;
    socklen_t size = sizeof is_listening;
    if (uv_fileno(handle, &fd) != 0 || getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &is_listening, &size) != 0 ||
        is_listening == 0)
      return;
    pollfd wanted{.fd = fd, .events = POLLIN, .revents = 0};
    if (poll(&wanted, 1, 0) == 1) static_cast<Search*>(data)->found = true;
  };
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  for (; std::chrono::steady_clock::now() < give_up; poll(nullptr, 0, 1)) {
    Search search;
    uv_walk(loop, look, &search);
    if (search.found) return true;
  }
  return false;
}

}  // namespace starling::testing
