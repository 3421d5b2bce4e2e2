#include "http/page_api.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "http/embedded_page.hpp"
#include "http/page_json.hpp"
#include "http/top_json.hpp"
#include "node/loop.hpp"

namespace starling::http {
namespace {

void answer_page(const RequestView& request, Response& response) {
  response.add_header("ETag", embedded_page.etag);
  response.add_header("Cache-Control", "no-cache");  // ask each time whether it is still the same
  response.add_header("Content-Security-Policy", embedded_page.policy);
  response.add_header("X-Content-Type-Options", "nosniff");
  response.add_header("Referrer-Policy", "no-referrer");
  const Header* known = request.find("If-None-Match");
  if (known != nullptr && known->value == embedded_page.etag) {
    response.set_status(304);
    return;
  }
  response.add_header("Content-Type", "text/html; charset=utf-8");
  response.body() = embedded_page.html;
}

/// The quotes of an entity tag are HTTP's.
std::string_view version_of_page() {
  return embedded_page.etag.substr(1, embedded_page.etag.size() - 2);
}

}  // namespace

PageApi::PageApi(AdminService& service, Clock clock) : service_(service), clock_(std::move(clock)) {
  if (!clock_) clock_ = &Loop::now;
}

void PageApi::on_request(const RequestView& request, Response& response) {
  if (request.path == "/") return answer_page(request, response);
  answer_document(request, response);
}

void PageApi::answer_document(const RequestView& request, Response& response) {
  const auto query = parse_top_query(request.query, scratch_);
  if (!query) {
    response.set_message(400, query.error());
    return;
  }
  if (query->rows_max > page_rows_max) {
    response.set_message(
        400, fmt::format("n: expected a number from 1 to {}, found {}", page_rows_max, query->rows_max));
    return;
  }
  const Instant now = clock_();
  Kept* kept = place_for(*query, now);
  if (kept == nullptr) {
    response
        .set_message(503, fmt::format("{} other questions were asked just now: ask again in a second",
                                      page_questions_max))
        .add_header("Retry-After", 1);
    return;
  }
  if (kept->text.empty()) kept->text = make(*query);
  response.set_json(kept->text).add_header("Cache-Control", "no-store");
  response.add_header("X-Content-Type-Options", "nosniff");
}

PageApi::Kept* PageApi::place_for(const TopQuery& query, Instant now) {
  std::erase_if(kept_, [&](const Kept& each) { return now - each.made >= page_kept_for; });
  const auto same =
      std::find_if(kept_.begin(), kept_.end(), [&](const Kept& each) { return each.query == query; });
  if (same != kept_.end()) return &*same;
  if (kept_.size() == page_questions_max) return nullptr;
  return &kept_.emplace_back(Kept{.query = query, .made = now, .text = {}});
}

std::string PageApi::make(const TopQuery& query) {
  const TopQuery hottest{.by = TopQuery::By::usage, .rows_max = page_rules_max, .one_per_rule = true};
  const PageView view{.status = service_.status(),
                      .front_ends = service_.front_ends(),
                      .query = query,
                      .top = service_.top(query),
                      .hottest = service_.top(hottest)};
  return page_document(view, version_of_page()).dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace starling::http
