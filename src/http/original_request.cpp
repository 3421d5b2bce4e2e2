#include "http/original_request.hpp"

#include <algorithm>
#include <array>

#include "http/header_list.hpp"
#include "http/request_path.hpp"

namespace starling::http {
namespace {

using Names = std::span<const std::string_view>;

constexpr std::array<std::string_view, 2> method_headers{"x-forwarded-method", "x-original-method"};
constexpr std::array<std::string_view, 3> path_headers{"x-forwarded-uri", "x-original-uri", "x-original-url"};
constexpr std::string_view url_header = "x-original-url";

bool is_one_of(const Header& header, Names names) {
  return std::any_of(names.begin(), names.end(),
                     [&](std::string_view name) { return equals_ignoring_case(header.name, name); });
}

std::string_view lowered(std::string_view text, std::string& out) {
  out.assign(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

std::string_view canonical_host(std::string_view authority, std::string& out) {
  authority.remove_prefix(authority.rfind('@') + 1);  // npos + 1 is 0
  const std::size_t host_at = authority.starts_with('[') ? authority.find(']') : 0;
  std::string_view host = authority.substr(0, authority.find(':', std::min(host_at, authority.size())));
  if (host.ends_with('.')) host.remove_suffix(1);
  return lowered(host, out);
}

tl::expected<UrlOrigin, std::string> told_origin(const RequestView& request) {
  return only_value(request.headers, std::span(&url_header, 1)).map(origin_of);
}

}  // namespace

OriginalRequest::Found OriginalRequest::method(const Question& question) const {
  if (!question.below.empty()) return question.request.method;
  auto told = only_value(question.request.headers, method_headers);
  if (told && told->empty()) return question.request.method;
  return told;
}

OriginalRequest::Found OriginalRequest::path(const Question& question) {
  if (!question.below.empty()) return normal_path(question.below, path_);
  const Header* found = nullptr;
  std::string_view path;
  for (const Header& header : question.request.headers) {
    if (header.value.empty() || !is_one_of(header, path_headers)) continue;
    if (found == nullptr) {
      found = &header;
      path = normal_path(header.value, path_);
    } else if (normal_path(header.value, other_path_) != path) {
      return tl::unexpected(contradiction(*found, header));
    }
  }
  return path;
}

OriginalRequest::Found OriginalRequest::host(const Question& question) {
  const Header* own = question.request.find("host");
  const std::string_view own_authority = own == nullptr ? std::string_view() : own->value;
  if (!question.below.empty()) return canonical_host(own_authority, host_);
  const std::string_view forwarded = from_the_right(question.request.headers, "x-forwarded-host", 1);
  const auto url = told_origin(question.request);
  if (!url) return tl::unexpected(url.error());
  const std::string_view url_authority = url->authority;
  if (forwarded.empty()) return canonical_host(url_authority.empty() ? own_authority : url_authority, host_);
  const std::string_view host = canonical_host(forwarded, host_);
  if (!url_authority.empty() && canonical_host(url_authority, other_host_) != host)
    return tl::unexpected(contradiction({.name = "X-Forwarded-Host", .value = forwarded},
                                        {.name = "X-Original-URL", .value = url_authority}));
  return host;
}

OriginalRequest::Found OriginalRequest::scheme(const Question& question) {
  const std::string_view forwarded = from_the_right(question.request.headers, "x-forwarded-proto", 1);
  if (!forwarded.empty() || !question.below.empty()) return lowered(forwarded, scheme_);
  return told_origin(question.request).map([&](UrlOrigin url) { return lowered(url.scheme, scheme_); });
}

}  // namespace starling::http
