#include "limiter/match_reader.hpp"

#include "base/shown_text.hpp"

namespace starling {
namespace {

constexpr std::size_t value_bytes_max = 1024;

}  // namespace

std::vector<Matcher> read_match(YamlReader& reader, const YAML::Node& node, std::string_view what) {
  std::vector<Matcher> match;
  if (node.IsMap() && (node.size() == 0 || node.size() > match_keys_max)) {
    reader.error(node.Mark(),
                 fmt::format("{}: expected 1 to {} keys, found {}", what, match_keys_max, node.size()));
    return match;
  }
  reader.read_map(node, what, {}, [&](const YAML::Node& key, const YAML::Node& value) {
    const auto name = reader.read_name(key, fmt::format("{}: a key", what));
    if (!name) return;
    const std::string where = fmt::format("{}: {}", what, shown(*name));
    if (!value.IsScalar()) return reader.expected(value, where, "a text, `*` or `prefix*`");
    std::string text = value.Scalar();
    if (text.size() > value_bytes_max)
      return reader.expected(value, where, fmt::format("a text of at most {} bytes", value_bytes_max));
    const std::size_t star = text.find('*');
    if (star != std::string::npos && star + 1 != text.size())
      return reader.expected(value, where, "a text with at most one `*`, at its end");
    if (!reader.spend(value, name->size() + text.size())) return;
    Matcher matcher{.key = *name, .kind = Matcher::Kind::equal, .text = std::move(text)};
    if (star != std::string::npos) {
      matcher.text.pop_back();
      matcher.kind = matcher.text.empty() ? Matcher::Kind::any : Matcher::Kind::prefix;
    }
    match.push_back(std::move(matcher));
  });
  std::sort(match.begin(), match.end(), [](const Matcher& a, const Matcher& b) { return a.key < b.key; });
  return match;
}

std::string identity(const std::vector<Matcher>& match) {
  std::string out;
  for (const Matcher& matcher : match)  // lengths first, so that no text can pass for two
    out += fmt::format("{},{},{}:{}{}", static_cast<int>(matcher.kind), matcher.key.size(),
                       matcher.text.size(), matcher.key, matcher.text);
  return out;
}

}  // namespace starling
