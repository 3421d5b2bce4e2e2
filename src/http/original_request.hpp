/// The request that a gateway asks about, as far as the gateway tells. There are two ways of telling.
///
/// At exactly /v1/check headers do (nginx, Traefik, Caddy, APISIX): X-Forwarded-Uri, X-Original-URI or
/// X-Original-URL for the path, X-Forwarded-Method or X-Original-Method for the method, else that of the
/// question; X-Forwarded-Host, the host of a whole X-Original-URL or Host for the host. A gateway sets one of
/// a kind and may pass on another that its client made up, so two that disagree are an error, not a choice
/// (X-Forwarded-Host is a list by custom: its last value counts).
///
/// Below /v1/check the question itself is the original request (Envoy's ext_authz puts its path prefix before
/// it, and keeps method, query and Host): there the headers above say nothing, for only a client can have
/// sent them.
///
/// The scheme is X-Forwarded-Proto's last value, at both, or at /v1/check that of a whole X-Original-URL.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "http/handler.hpp"

namespace starling::http {

/// A question of a gateway.
struct Question {
  const RequestView& request;
  std::string_view below;  ///< what follows /v1/check in its path; empty, or it begins with '/'
};

class OriginalRequest {
 public:
  /// Empty: nobody tells. Error, for the client: what was expected and what was found.
  using Found = tl::expected<std::string_view, std::string>;

  // Results are valid until the next call of the same kind.
  Found method(const Question& question) const;
  /// In the form of `request_path.hpp`.
  Found path(const Question& question);
  /// As nginx's $host: in lower case, without port, without a dot at the end. Brackets of IPv6 stay.
  Found host(const Question& question);
  /// In lower case.
  Found scheme(const Question& question);

 private:
  std::string path_, other_path_, host_, other_host_, scheme_;  ///< used again and again
};

}  // namespace starling::http
