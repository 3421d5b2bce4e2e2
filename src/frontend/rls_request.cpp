#include "frontend/rls_request.hpp"

#include <fmt/format.h>

#include "frontend/rls_unit.hpp"

namespace starling {
namespace {

/// Room from the start: Envoy's requests rarely have more.
constexpr std::size_t usual_entries_count = 64;

tl::unexpected<std::string> fail(std::string message) {
  return tl::unexpected<std::string>(std::move(message));
}

}  // namespace

RlsRequest::RlsRequest() {
  entries_.reserve(usual_entries_count);
}

void RlsRequest::clear() {
  domain_ = {};
  hits_addend_ = 0;
  descriptors_count_ = 0;
  entries_.clear();
  too_many_descriptors_ = false;
  overfull_.reset();
}

void RlsRequest::begin_descriptor() {
  if (descriptors_count_ == parts_.size()) {
    too_many_descriptors_ = true;
    return;
  }
  parts_[descriptors_count_++] = Part{.entries_begin = entries_.size()};
}

void RlsRequest::add_entry(std::string_view key, std::string_view value) {
  if (too_many_descriptors_) return;
  Part& part = descriptor();
  if (part.entries_count == rls_entries_max) {
    if (!overfull_) overfull_ = descriptors_count_ - 1;
    return;
  }
  entries_.push_back({.key = key, .value = value});
  ++part.entries_count;
}

RlsRequest::Override& RlsRequest::limit() {
  Part& part = descriptor();
  if (!part.limit) part.limit = Override{};  // clang 14 takes no emplace() of a nested class
  return *part.limit;
}

std::uint64_t& RlsRequest::hits() {
  Part& part = descriptor();
  if (!part.hits) part.hits.emplace(0);
  return *part.hits;
}

tl::expected<Request, std::string> RlsRequest::read() {
  if (too_many_descriptors_)
    return fail(fmt::format("descriptors: expected at most {}, found more", descriptors_per_request_max));
  if (overfull_)
    return fail(
        fmt::format("descriptors[{}].entries: expected at most {}, found more", *overfull_, rls_entries_max));
  if (domain_.empty()) return fail("domain: expected the name of a domain, found none");
  if (descriptors_count_ == 0) return fail("descriptors: expected at least one, found none");
  for (std::size_t i = 0; i < descriptors_count_; ++i) {
    const Part& part = parts_[i];
    Descriptor& descriptor = descriptors_[i];
    descriptor = Descriptor{.entries = std::span(entries_).subspan(part.entries_begin, part.entries_count),
                            .hits = part.gives_back ? std::uint64_t{0} : part.hits};
    if (!part.limit) continue;
    const auto window_s = rls_window_s(part.limit->unit);
    if (!window_s)
      return fail(
          fmt::format("descriptors[{}].limit.unit: expected SECOND (1), MINUTE (2), HOUR (3), DAY (4), "
                      "MONTH (5), YEAR (6) or WEEK (7), found {}",
                      i, part.limit->unit));
    descriptor.limit = RequestLimit{.requests = part.limit->requests_per_unit, .window_s = *window_s};
  }
  return Request{.domain = domain_,
                 .descriptors = std::span<const Descriptor>(descriptors_).first(descriptors_count_),
                 .hits = hits_addend_ == 0 ? 1 : hits_addend_};
}

}  // namespace starling
