/// Endpoints as the kernel wants them, and back.
#pragma once

#include <sys/socket.h>

#include "base/endpoint.hpp"

namespace starling {

/// What `socket_address` makes of an IPv4 endpoint: a dual-stack socket takes it only as IPv4-mapped IPv6.
enum class SocketFamily : std::uint8_t { by_address, v6_only };

sockaddr_storage socket_address(const Endpoint& endpoint, SocketFamily family = SocketFamily::by_address);

/// IPv4 becomes IPv4-mapped. An unknown family yields the unspecified endpoint with port 0.
Endpoint endpoint_of(const sockaddr* address);

}  // namespace starling
