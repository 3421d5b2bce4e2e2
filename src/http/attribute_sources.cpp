#include "http/attribute_sources.hpp"

#include <algorithm>

#include "http/header_list.hpp"

namespace starling::http {

tl::expected<std::span<const Entry>, std::string> AttributeSources::gather(const Question& question,
                                                                           std::span<const Entry> given) {
  if (map_.empty()) return given;
  std::copy(given.begin(), given.end(), entries_.begin());
  std::size_t count = given.size();
  for (const Attribute& attribute : map_.attributes()) {
    const auto is_it = [&](const Entry& entry) { return entry.key == attribute.key; };
    if (std::any_of(given.begin(), given.end(), is_it)) continue;
    const auto value = value_of(attribute, question);
    if (!value) return tl::unexpected(value.error());
    if (!value->empty()) entries_[count++] = {.key = attribute.key, .value = *value};
  }
  return std::span<const Entry>(entries_).first(count);
}

OriginalRequest::Found AttributeSources::value_of(const Attribute& attribute, const Question& question) {
  for (const AttributeSource& source : attribute.sources) {
    const std::string_view header = source.header;
    auto value = source.fact ? value_of(*source.fact, question)
                             : only_value(question.request.headers, std::span(&header, 1));
    if (!value || !value->empty()) return value;
  }
  return std::string_view();
}

OriginalRequest::Found AttributeSources::value_of(RequestFact fact, const Question& question) {
  switch (fact) {
    case RequestFact::client_ip:
      return client_.of(question.request);
    case RequestFact::method:
      return original_.method(question);
    case RequestFact::host:
      return original_.host(question);
    case RequestFact::path:
      return original_.path(question);
    case RequestFact::scheme:
      return original_.scheme(question);
  }
  return std::string_view();
}

}  // namespace starling::http
