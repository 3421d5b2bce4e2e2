/// A request as a handler sees it, and what a handler is.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/endpoint.hpp"
#include "http/response.hpp"

namespace starling::http {

/// ASCII letters without regard to case, everything else byte by byte: how names of headers compare.
constexpr bool equals_ignoring_case(std::string_view a, std::string_view b) {
  constexpr auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [lower](char x, char y) { return lower(x) == lower(y); });
}

struct Header {
  std::string_view name;
  std::string_view value;  ///< without white space around it
};

/// Everything is a view into the connection's input and valid only during `on_request`.
struct RequestView {
  std::string_view method;  ///< "GET"
  std::string_view path;    ///< up to the '?', as it came: not percent-decoded
  std::string_view query;   ///< after the '?', raw; empty if there is none
  std::span<const Header> headers;
  bool http_1_0 = false;
  bool keep_alive = false;  ///< what the client asked for
  /// A body follows the headers. In `Handler::on_request`: one that nobody reads, so that the answer closes
  /// the connection.
  bool body_owed = false;
  bool chunked = false;              ///< the body comes in chunks
  std::uint64_t content_length = 0;  ///< of the body that follows; 0 if it comes in chunks
  std::string_view body;             ///< whole, if the handler wanted it
  Endpoint from;                     ///< the client; unspecified if the system did not tell

  /// The first header of that name, or null.
  const Header* find(std::string_view header_name) const {
    for (const Header& header : headers)
      if (equals_ignoring_case(header.name, header_name)) return &header;
    return nullptr;
  }
};

/// Answers requests. Called once per request: as soon as its headers are complete, or when its body is, if
/// the handler wants bodies.
class Handler {
 public:
  /// How large a body this request may have, in bytes. With 0 bodies are not read: the request is answered at
  /// once, and a body that is owed costs the client the connection. Otherwise `on_request` waits for the
  /// whole body; a larger one is refused with 413. Asked only if a body follows.
  virtual std::size_t body_bytes_max(const RequestView& /*request*/) const { return 0; }
  /// Fills `response`, which comes empty, with status 200. The answer goes out when this returns.
  /// It may call `Server::drain`, but must not destroy the server.
  virtual void on_request(const RequestView& request, Response& response) = 0;

 protected:
  ~Handler() = default;
};

}  // namespace starling::http
