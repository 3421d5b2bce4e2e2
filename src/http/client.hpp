/// A small HTTP/1.1 client for the command line: one request, one answer, one call that blocks.
///
/// It runs a loop of its own, so it belongs in a process that has nothing else to do meanwhile.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>
#include <vector>

#include "http/url.hpp"

namespace starling::http {

struct ClientOptions {
  std::string method = "GET";
  std::vector<std::pair<std::string, std::string>> headers;  ///< besides those that every request has
  std::string body;                                          ///< sent with its length, unless it is empty
  std::chrono::milliseconds connect_timeout{2'000};          ///< for each address of the host
  std::chrono::milliseconds total_timeout{5'000};  ///< for everything but a name server that does not answer
  std::size_t response_bytes_max = std::size_t{64} * 1024 * 1024;  ///< headers and body
};

struct ClientResponse {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;  ///< as they came
  std::string body;

  /// The first header of that name (in any case), or null.
  const std::string* find(std::string_view name) const;
};

/// Any status is an answer. Errors are one line for people: what failed, where, and what to do.
/// A host name is resolved by the system (getaddrinfo, in a thread), and its addresses are tried in order.
tl::expected<ClientResponse, std::string> fetch(const Url& url, const ClientOptions& options = {});

}  // namespace starling::http
