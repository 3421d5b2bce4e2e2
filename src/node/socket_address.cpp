#include "node/socket_address.hpp"

#include <netinet/in.h>

#include <cstring>

namespace starling {

sockaddr_storage socket_address(const Endpoint& endpoint, SocketFamily family) {
  sockaddr_storage storage{};
  if (endpoint.address.is_v4() && family == SocketFamily::by_address) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(endpoint.port);
    std::memcpy(&v4.sin_addr, endpoint.address.bytes.data() + 12, 4);
    std::memcpy(&storage, &v4, sizeof v4);
  } else {
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(endpoint.port);
    v6.sin6_scope_id = endpoint.address.scope;
    std::memcpy(&v6.sin6_addr, endpoint.address.bytes.data(), 16);
    std::memcpy(&storage, &v6, sizeof v6);
  }
  return storage;
}

Endpoint endpoint_of(const sockaddr* address) {
  Endpoint endpoint;
  if (address->sa_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, address, sizeof v4);
    endpoint.address = Address::v4(0, 0, 0, 0);
    std::memcpy(endpoint.address.bytes.data() + 12, &v4.sin_addr, 4);
    endpoint.port = ntohs(v4.sin_port);
  } else if (address->sa_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, address, sizeof v6);
    std::memcpy(endpoint.address.bytes.data(), &v6.sin6_addr, 16);
    endpoint.address.scope = v6.sin6_scope_id;
    endpoint.port = ntohs(v6.sin6_port);
  }
  return endpoint;
}

}  // namespace starling
