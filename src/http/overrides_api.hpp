/// `/v1/overrides`: the live overrides, and how they are set (PUT) and taken away (DELETE).
///
/// There is no POST: a form on a web page can send one without asking anybody, and setting is idempotent
/// anyway. See write_access.hpp for who may write.
#pragma once

#include <cstddef>

#include "http/admin_service.hpp"
#include "http/handler.hpp"
#include "http/query.hpp"
#include "http/write_access.hpp"

namespace starling::http {

/// How many are told at once: ten thousand would keep the loop from decisions for a quarter of a second. What
/// comes after is counted as `more`, and told when asked with `?offset=`.
inline constexpr std::size_t overrides_listed_max = 1000;

class OverridesApi {
 public:
  /// Both must outlive this.
  OverridesApi(AdminService& service, const WriteAccess& access) : service_(service), access_(access) {}

  /// How much of the body is read: none of a request that is refused by its head.
  std::size_t body_bytes_max(const RequestView& request) const;
  void on_request(const RequestView& request, Response& response);

 private:
  /// Answers and returns false if the request may not write.
  bool may_write(const RequestView& request, Response& response) const;
  void list(const RequestView& request, Response& response);
  void set(const RequestView& request, Response& response);
  void clear(const RequestView& request, Response& response);

  AdminService& service_;
  const WriteAccess& access_;
  QueryScratch scratch_;
};

}  // namespace starling::http
