/// Who may change things through the admin API.
///
/// A client on this machine may, and whoever shows the token of `--admin-token-file`. That a connection comes
/// from loopback is not enough to say that somebody at this machine wants it:
/// - A page in a browser here can send requests to loopback, but PUT and DELETE only after a preflight, which
///   nobody answers. A name of its own that it lets resolve to 127.0.0.1 (DNS rebinding) would make it
///   same-origin and spare it that; its name then stands in `Host`. So `Host` must be an address or
///   "localhost".
/// - A proxy on this machine speaks for clients elsewhere, and says so in `Forwarded`, `Via`, or one
///   of the headers that came before those. One that says nothing is not to be put before the admin port.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "http/handler.hpp"

namespace starling::http {

class WriteAccess {
 public:
  /// `token` empty: clients on this machine only.
  explicit WriteAccess(std::string token = {}) : token_(std::move(token)) {}

  /// Why the request may not change anything and what to do; nothing if it may.
  std::optional<std::string_view> refusal(const RequestView& request) const;

 private:
  bool shows_token(const RequestView& request) const;

  std::string token_;
};

}  // namespace starling::http
