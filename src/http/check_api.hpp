/// The check API: `ANY /v1/check[/*]`, the one question a gateway asks.
///
/// At exactly /v1/check the query says what is known of the request, and how to answer. Below it path and
/// query are those of the request that is asked about, as Envoy's ext_authz puts them there, and no parameter
/// is read: a client could add `?hits=0`, or be another principal. What else is known comes from the request
/// as
/// `--attributes` says (`attribute_sources.hpp`).
///
/// 200 allows and 429 denies (403 with `deny_status=403`, because nginx's auth_request turns everything else
/// into an error). Headers in the chosen families tell what is left, on allowed requests too; `Retry-After`
/// is on every denial and `Starling-Learning: true` on every request that passed only because a limit learns,
/// whatever the families. With `explain=1` the body lists every limit that applied. A denial allocates no
/// more than an allowed request does: under a flood it is the usual case. Why these statuses: each gateway
/// reads the answer in its own way, and 200 and 403 are what all of them take.
///
/// If deciding itself fails, the request passes as if it were learned: a mistake of ours blocks no traffic.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>

#include "frontend/check_service.hpp"
#include "frontend/header_families.hpp"
#include "frontend/policy_names.hpp"
#include "frontend/rate_limit_headers.hpp"
#include "http/attribute_sources.hpp"
#include "http/handler.hpp"
#include "http/query.hpp"
#include "http/status_counts.hpp"

namespace starling::http {

class CheckApi final : public Handler {
 public:
  /// `service` must outlive this.
  explicit CheckApi(CheckService& service, HeaderFamilies families = header_families_default,
                    AttributeSources sources = {})
      : service_(service), headers_(families), sources_(std::move(sources)) {}

  /// True for /v1/check and everything below it.
  static bool serves(std::string_view path);

  /// 404 for any path that it does not serve.
  void on_request(const RequestView& request, Response& response) override;

  /// The same for people, on the admin port: what they say is all there is. Their own address and headers are
  /// nobody's attributes, and would be counted.
  void on_question_by_hand(const RequestView& request, Response& response);

  /// Requests that passed because deciding failed, since the start.
  std::uint64_t failures() const { return failures_; }

  /// How gateways were answered; what people ask by hand is not counted.
  const StatusCounts& answers() const { return answers_; }

 private:
  void check(const RequestView& request, bool by_hand, Response& response);
  /// Passes the request if deciding throws, and says so in `failed`.
  Decision decide(const CheckQuery& query, bool& failed);
  void answer(const RequestView& request, const CheckQuery& query, Response& response);

  CheckService& service_;
  RateLimitHeaders headers_;
  QueryScratch scratch_;
  AttributeSources sources_;
  PolicyNames names_;
  std::uint64_t failures_ = 0;
  StatusCounts answers_;
};

}  // namespace starling::http
