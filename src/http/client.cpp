#include "http/client.hpp"

#include "http/exchange.hpp"
#include "http/handler.hpp"
#include "node/loop.hpp"
#include "node/sigpipe.hpp"

namespace starling::http {

const std::string* ClientResponse::find(std::string_view name) const {
  for (const auto& [header_name, value] : headers)
    if (equals_ignoring_case(header_name, name)) return &value;
  return nullptr;
}

tl::expected<ClientResponse, std::string> fetch(const Url& url, const ClientOptions& options) {
  ignore_sigpipe();
  Loop loop;
  Exchange exchange(loop, url, options);
  exchange.start();
  loop.run();
  return exchange.take_result();
}

}  // namespace starling::http
