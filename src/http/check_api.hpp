/// The check API: `ANY /v1/check[/*]`, the one question a gateway asks.
///
/// 200 allows and 429 denies (403 with `deny_status=403`, because nginx's auth_request turns everything else
/// into an error). The X-RateLimit headers speak of the tightest limit, on allowed requests too. With
/// `explain=1` the body lists every limit that applied. A denial allocates no more than an allowed request
/// does: under a flood it is the usual case. Why these statuses: each gateway reads the answer in its own
/// way, and 200 and 403 are what all of them take.
#pragma once

#include <string_view>

#include "http/check_service.hpp"
#include "http/handler.hpp"
#include "http/query.hpp"

namespace starling::http {

class CheckApi final : public Handler {
 public:
  /// `service` must outlive this.
  explicit CheckApi(CheckService& service) : service_(service) {}

  /// True for /v1/check and everything below it: Envoy appends the path of the original request.
  static bool serves(std::string_view path);

  /// 404 for any path that it does not serve.
  void on_request(const RequestView& request, Response& response) override;

 private:
  CheckService& service_;
  QueryScratch scratch_;
};

}  // namespace starling::http
