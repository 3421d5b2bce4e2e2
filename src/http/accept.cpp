#include "http/accept.hpp"

#include <algorithm>

#include "http/handler.hpp"

namespace starling::http {
namespace {

constexpr bool is_token_char(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

/// A place in the field. Each function steps over what it names and says whether it was there.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : rest_(text) {}

  bool at_end() const { return rest_.empty(); }

  void skip_white_space() {
    while (rest_.starts_with(' ') || rest_.starts_with('\t')) rest_.remove_prefix(1);
  }

  bool take(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  bool take_token(std::string_view& token) {
    const auto end = std::find_if_not(rest_.begin(), rest_.end(), is_token_char);
    token = rest_.substr(0, static_cast<std::size_t>(end - rest_.begin()));
    rest_.remove_prefix(token.size());
    return !token.empty();
  }

  /// A token, or a quoted string with its escapes as they are.
  bool take_value(std::string_view& value) {
    if (!rest_.starts_with('"')) return take_token(value);
    for (std::size_t i = 1; i < rest_.size(); ++i) {
      if (rest_[i] == '\\') {
        ++i;
      } else if (rest_[i] == '"') {
        value = rest_.substr(1, i - 1);
        rest_.remove_prefix(i + 1);
        return true;
      }
    }
    return false;
  }

 private:
  std::string_view rest_;
};

/// "0", "0.25", "1", "1.000": at most three digits after the point. In thousandths, or -1.
int quality_of(std::string_view text) {
  if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1')) return -1;
  if (text.size() > 1 && text[1] != '.') return -1;
  int quality = (text[0] - '0') * 1000;
  int weight = 100;
  for (const char c : text.substr(std::min<std::size_t>(text.size(), 2))) {
    if (c < '0' || c > '9') return -1;
    quality += (c - '0') * weight;
    weight /= 10;
  }
  return quality > 1000 ? -1 : quality;
}

struct Range {
  MediaType media;
  int quality = 1000;
  bool plain = true;  ///< no parameter but those that change nothing
};

/// `;name=value` as often as there is one. Whatever follows the quality is an extension, and no parameter.
bool take_parameters(Cursor& cursor, Range& range) {
  for (bool weighed = false;;) {
    cursor.skip_white_space();
    if (!cursor.take(';')) return true;
    cursor.skip_white_space();
    std::string_view name;
    if (!cursor.take_token(name)) continue;  // empty parameters are forgiven
    std::string_view value;
    const bool has_value = cursor.take('=');
    if (has_value && !cursor.take_value(value)) return false;
    if (weighed) continue;
    if (!has_value) return false;
    if (equals_ignoring_case(name, "q")) {
      weighed = true;
      range.quality = quality_of(value);
      if (range.quality < 0) return false;
    } else if (!equals_ignoring_case(name, "charset") || !equals_ignoring_case(value, "utf-8")) {
      range.plain = false;
    }
  }
}

bool take_range(Cursor& cursor, Range& range) {
  if (!cursor.take_token(range.media.type) || !cursor.take('/') || !cursor.take_token(range.media.subtype))
    return false;
  if (range.media.type == "*" && range.media.subtype != "*") return false;
  return take_parameters(cursor, range);
}

int specificity_of(const Range& range, const MediaType& offer) {
  if (!range.plain) return 0;
  if (range.media.type == "*") return 1;
  if (!equals_ignoring_case(range.media.type, offer.type)) return 0;
  if (range.media.subtype == "*") return 2;
  return equals_ignoring_case(range.media.subtype, offer.subtype) ? 3 : 0;
}

}  // namespace

bool read_accept(std::string_view value, std::span<const MediaType> offers, std::span<Welcome> welcomes) {
  for (Cursor cursor(value);;) {
    cursor.skip_white_space();
    if (cursor.at_end()) return true;
    if (cursor.take(',')) continue;  // empty elements are forgiven (RFC 9110, section 5.6.1)
    Range range;
    if (!take_range(cursor, range)) return false;
    if (!cursor.at_end() && !cursor.take(',')) return false;
    for (std::size_t i = 0; i < offers.size(); ++i) {
      Welcome& welcome = welcomes[i];
      const int specificity = specificity_of(range, offers[i]);
      if (specificity == 0 || specificity < welcome.specificity) continue;
      const int best = specificity == welcome.specificity ? welcome.quality : 0;
      welcome = {std::max(best, range.quality), specificity};
    }
  }
}

}  // namespace starling::http
