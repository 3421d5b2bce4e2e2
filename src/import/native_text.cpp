#include "import/native_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <iterator>
#include <optional>

#include "base/visible_text.hpp"
#include "limiter/duration_text.hpp"

namespace starling {
namespace {

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/// A word that no YAML reader takes for a number, a truth, a date or the like.
bool is_plain(std::string_view text) {
  if (text.empty() || text.size() > 256) return false;
  if (!is_letter(text.front()) && text.front() != '/') return false;
  const bool harmless = std::all_of(text.begin(), text.end(), [](char c) {
    return is_letter(c) || (c >= '0' && c <= '9') ||
           std::string_view("_-./@").find(c) != std::string_view::npos;
  });
  if (!harmless) return false;
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; });
  constexpr std::array<std::string_view, 9> words{"null", "true", "false", "yes", "no",
                                                  "on",   "off",  "y",     "n"};
  return std::find(words.begin(), words.end(), lower) == words.end();
}

std::string braced(const std::vector<Matcher>& match) {
  std::string out = "{";
  for (const Matcher& matcher : match) {
    if (out.size() > 1) out += ", ";
    out += fmt::format("{}: {}", yaml_text(matcher.key), yaml_text(matcher.to_string()));
  }
  return out + "}";
}

std::string bracketed(const std::vector<Limit>& limits) {
  std::string out = "[";
  for (const Limit& limit : limits) {
    if (out.size() > 1) out += ", ";
    out += fmt::format("{{requests: {}, per: {}}}", limit.requests,
                       format_duration(std::chrono::seconds(limit.window_s)));
  }
  return out + "]";
}

std::string callers(const std::vector<Caller>& list) {
  std::string out = "[";
  for (const Caller& caller : list) {
    if (out.size() > 1) out += ", ";
    out += caller.match.empty() ? yaml_text(caller.principal) : braced(caller.match);
  }
  return out + "]";
}

std::string names(const std::vector<std::string>& list) {
  std::string out = "[";
  for (const std::string& one : list) {
    if (out.size() > 1) out += ", ";
    out += yaml_text(one);
  }
  return out + "]";
}

/// What a rule and an override have in common.
void write_verdict(std::string& out, std::string_view indent, const std::vector<Limit>& limits,
                   bool unlimited) {
  if (unlimited)
    fmt::format_to(std::back_inserter(out), "{}unlimited: true\n", indent);
  else if (!limits.empty())
    fmt::format_to(std::back_inserter(out), "{}limits: {}\n", indent, bracketed(limits));
}

void write_learning(std::string& out, std::string_view indent, const std::optional<bool>& learning) {
  if (learning) fmt::format_to(std::back_inserter(out), "{}learning: {}\n", indent, *learning);
}

void write_rule(std::string& out, const Rule& rule) {
  const auto line = [&](std::string_view key, std::string_view value) {
    fmt::format_to(std::back_inserter(out), "    {}: {}\n", key, value);
  };
  fmt::format_to(std::back_inserter(out), "  - name: {}\n", yaml_text(rule.name));
  line("match", braced(rule.match));
  if (rule.exact) line("exact", "true");
  write_verdict(out, "    ", rule.limits, rule.unlimited);
  if (rule.algorithm != Algorithm{}) line("algorithm", name(rule.algorithm));
  if (rule.admission != Admission{}) line("admission", name(rule.admission));
  if (rule.when_isolated != WhenIsolated{}) line("when_isolated", name(rule.when_isolated));
  if (rule.when_full != WhenFull{}) line("when_full", name(rule.when_full));
  write_learning(out, "    ", rule.learning);
  if (!rule.overrides.empty()) out += "    overrides:\n";
  for (const Override& exception : rule.overrides) {
    fmt::format_to(std::back_inserter(out), "      - match: {}\n", braced(exception.match));
    write_verdict(out, "        ", exception.limits, exception.unlimited);
    write_learning(out, "        ", exception.learning);
  }
  if (!rule.enforcing.empty()) line("enforcing", callers(rule.enforcing));
  if (!rule.ignoring.empty()) line("ignoring", callers(rule.ignoring));
  if (!rule.replaces.empty()) line("replaces", names(rule.replaces));
}

}  // namespace

std::string yaml_text(std::string_view text) {
  if (is_plain(text)) return std::string(text);
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') {
      fmt::format_to(std::back_inserter(out), "\\x{:02x}", static_cast<unsigned char>(c));
    } else {
      out += c;  // UTF-8 goes as it is
    }
  }
  return out + '"';
}

std::string write_rules(const RuleSet& set, const std::vector<std::string>& comments) {
  std::string out;
  for (const std::string& comment : comments) {
    out += comment.empty() ? "#" : "# ";
    append_visible(out, comment);  // whatever it quotes, it ends with its line
    out += '\n';
  }
  if (set.domain != RuleSet{}.domain)
    fmt::format_to(std::back_inserter(out), "domain: {}\n", yaml_text(set.domain));
  if (set.learning) out += "learning: true\n";
  out += set.rules.empty() ? "rules: []\n" : "rules:\n";
  for (const Rule& rule : set.rules) write_rule(out, rule);
  return out;
}

}  // namespace starling
