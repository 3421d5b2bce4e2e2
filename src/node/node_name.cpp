#include "node/node_name.hpp"

#include <uv.h>

#include <algorithm>
#include <array>

#include "wire/messages.hpp"

namespace starling {

std::string node_name_of(const Settings& settings) {
  if (!settings.node_name.empty()) return settings.node_name;
  std::array<char, UV_MAXHOSTNAMESIZE> text{};
  std::size_t bytes = text.size();
  if (uv_os_gethostname(text.data(), &bytes) != 0) return "node";
  std::string name(text.data(), std::min<std::size_t>(bytes, wire::name_bytes_max));
  // Heartbeats carry printable ASCII only.
  std::replace_if(
      name.begin(), name.end(), [](char c) { return c <= ' ' || c > '~'; }, '-');
  return name.empty() ? "node" : name;
}

}  // namespace starling
