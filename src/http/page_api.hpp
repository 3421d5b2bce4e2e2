/// The status page: `/` is the page, `/v1/page` what it reads again and again.
///
/// Whoever can reach the port can look, with as many pages as he likes, and the node has gateways to answer.
/// So a document is made at most once in `page_kept_for` for each question (who is hottest by what, of which
/// rule) and sent to all who ask meanwhile, and `page_questions_max` bounds the questions: one more gets 503,
/// and the page comes back later. That bounds the node's work whatever the number of pages is.
///
/// The page is text in the binary (`http/page`). Nothing in it may come from elsewhere: its Content-Security-
/// Policy names the hashes of the one script and the one style sheet, and lets the page talk to this node
/// only.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.hpp"
#include "engine/top_view.hpp"
#include "http/admin_service.hpp"
#include "http/handler.hpp"
#include "http/query.hpp"

namespace starling::http {

inline constexpr std::chrono::milliseconds page_kept_for{500};
inline constexpr std::size_t page_questions_max = 8;

class PageApi {
 public:
  using Clock = std::function<Instant()>;

  /// `service` must outlive this. Without a `clock` it is the loop's.
  explicit PageApi(AdminService& service, Clock clock = {});

  static bool serves(std::string_view path) { return path == "/" || path == "/v1/page"; }
  /// For a path that it serves, and GET or HEAD.
  void on_request(const RequestView& request, Response& response);

 private:
  struct Kept {
    TopQuery query;
    Instant made{};
    std::string text;
  };

  void answer_document(const RequestView& request, Response& response);
  /// The place for an answer to `query`; null: all are in use.
  Kept* place_for(const TopQuery& query, Instant now);
  std::string make(const TopQuery& query);

  AdminService& service_;
  Clock clock_;
  std::vector<Kept> kept_;
  QueryScratch scratch_;
};

}  // namespace starling::http
