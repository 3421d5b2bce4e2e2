#include "limiter/principal_text.hpp"

#include <algorithm>

namespace starling {
namespace {

constexpr std::string_view ellipsis = "...";

void add(std::string& out, std::string_view key, std::string_view value) {
  if (out.size() > principal_text_bytes_max) return;  // it is cut already
  if (!out.empty()) out += ',';
  // A value may be as long as a request: no more of it is copied than can be shown.
  out.append(key.substr(0, principal_text_bytes_max));
  out += '=';
  out.append(value.substr(0, principal_text_bytes_max));
}

bool is_continuation(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U;
}

}  // namespace

void write_principal(const Rule* rule, const Descriptor& descriptor, std::string& out) {
  out.clear();
  if (rule == nullptr) {
    for (const Entry& entry : descriptor.entries) add(out, entry.key, entry.value);
  } else {
    for (const Matcher& matcher : rule->match) {
      if (matcher.kind == Matcher::Kind::equal) continue;
      const auto entry = std::find_if(descriptor.entries.begin(), descriptor.entries.end(),
                                      [&](const Entry& each) { return each.key == matcher.key; });
      if (entry != descriptor.entries.end()) add(out, entry->key, entry->value);
    }
  }
  if (out.size() <= principal_text_bytes_max) return;
  std::size_t end = principal_text_bytes_max - ellipsis.size();
  while (end > 0 && is_continuation(out[end])) --end;  // no half characters
  out.resize(end);
  out += ellipsis;
}

}  // namespace starling
