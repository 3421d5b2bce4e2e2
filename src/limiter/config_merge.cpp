#include "limiter/config_merge.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/shown_text.hpp"
#include "limiter/match_reader.hpp"
#include "limiter/replacement_check.hpp"

namespace starling {
namespace {

using Place = PlacedRule::Place;

std::string at(const ConfigDocument& document, const Place& place) {
  return fmt::format("{}:{}", shown(document.file), place.line);
}

class Merge {
 public:
  explicit Merge(std::vector<ConfigDocument> documents) : documents_(std::move(documents)) {}

  tl::expected<ConfigFile, std::vector<ConfigError>> run();

 private:
  struct Where {
    ConfigDocument* document = nullptr;
    PlacedRule* placed = nullptr;
  };

  void take_domain();
  void take_learning();
  void take_settings();
  void take_names();
  void check_replacements();
  void warn_of_twins();
  void take_rules();
  std::vector<ConfigError> gather(std::vector<ConfigError> ConfigDocument::*list, std::size_t count_max);

  static std::string domain_of(const ConfigDocument& document) {
    return document.domain ? document.domain->value : RuleSet::built_in().domain;
  }

  std::vector<ConfigDocument> documents_;
  ConfigFile config_;
  std::map<std::string, Where> by_name_;
};

void complain(std::vector<ConfigError>& list, const ConfigDocument& document, const Place& place,
              std::string message) {
  list.push_back(ConfigError{document.file, place.line, place.column, std::move(message)});
}

void Merge::take_domain() {
  const ConfigDocument* first = nullptr;  // with rules; else with a domain
  for (const ConfigDocument& document : documents_) {
    config_.has_rules = config_.has_rules || document.has_rules;
    if (first == nullptr && document.has_rules) first = &document;
  }
  for (const ConfigDocument& document : documents_)
    if (first == nullptr && document.domain) first = &document;
  if (first == nullptr) return;
  config_.rules.domain = domain_of(*first);
  for (ConfigDocument& document : documents_) {
    if (!document.has_rules && document.domain && config_.has_rules)
      complain(document.warnings, document, document.domain->place,
               "domain: this file has no rules, and a domain holds for the rules of its own file only");
    if (document.has_rules && domain_of(document) != config_.rules.domain)
      complain(document.warnings, document, document.domain ? document.domain->place : Place{},
               fmt::format("the rules of this file are for requests that name the domain {}; those that name "
                           "none have the domain {}, of {}",
                           quoted(domain_of(document)), quoted(config_.rules.domain), shown(first->file)));
  }
}

void Merge::take_learning() {
  const ConfigDocument* first = nullptr;
  for (ConfigDocument& document : documents_) {
    if (!document.learning) continue;
    if (first == nullptr) {
      first = &document;
      config_.rules.learning = document.learning->value;
    } else if (document.learning->value != first->learning->value) {
      complain(
          document.errors, document, document.learning->place,
          fmt::format("learning: {} here, and {} in {}; it holds for all files, so say it once",
                      document.learning->value, first->learning->value, at(*first, first->learning->place)));
    }
  }
}

void Merge::take_settings() {
  std::map<std::string, ConfigSetting> first;
  for (ConfigDocument& document : documents_) {
    for (ConfigSetting& setting : document.settings) {
      const auto [earlier, fresh] = first.emplace(setting.key, setting);
      if (fresh) {
        config_.settings.push_back(std::move(setting));
      } else if (earlier->second.value != setting.value) {
        complain(document.errors, document, Place{setting.line, setting.column},
                 fmt::format("settings: {}: {} here, and {} in {}:{}; remove one of the two",
                             shown(setting.key), quoted(setting.value), quoted(earlier->second.value),
                             shown(earlier->second.file), earlier->second.line));
      }
    }
  }
}

void Merge::take_names() {
  std::size_t count = 0;
  for (ConfigDocument& document : documents_) {
    count += document.rules.size();
    if (count > rules_max) {
      complain(document.errors, document, Place{},
               fmt::format("rules: expected at most {} rules in all files, found more", rules_max));
      return;
    }
    for (PlacedRule& placed : document.rules) {
      if (placed.rule.name.empty()) continue;
      const auto [earlier, fresh] = by_name_.emplace(placed.rule.name, Where{&document, &placed});
      if (fresh) continue;
      complain(document.errors, document, placed.place,
               fmt::format(
                   "rule: the name {} is taken by an earlier rule, in {}; counters are kept by name, so "
                   "each rule needs its own",
                   quoted(placed.rule.name), at(*earlier->second.document, earlier->second.placed->place)));
    }
  }
}

void Merge::check_replacements() {
  for (ConfigDocument& document : documents_) {
    for (const PlacedRule& placed : document.rules) {
      for (std::size_t i = 0; i < placed.replaces.size(); ++i) {
        const std::string& name = placed.rule.replaces[i];
        const auto found = by_name_.find(name);
        if (found == by_name_.end())
          complain(document.errors, document, placed.replaces[i],
                   fmt::format("rule: replaces: expected the name of a rule, found {}; there is none of that "
                               "name",
                               quoted(name)));
        else if (domain_of(*found->second.document) != domain_of(document))
          complain(
              document.warnings, document, placed.replaces[i],
              fmt::format("rule: replaces: {} is of another domain, so no request meets both", quoted(name)));
      }
    }
  }
  std::vector<const Rule*> rules;
  for (const auto& [name, where] : by_name_) rules.push_back(&where.placed->rule);
  for (const ReplacementCircle& circle : replacement_circles(rules)) {
    const Where& where = by_name_.at(circle.rule->name);
    complain(where.document->errors, *where.document, where.placed->replaces[circle.replaces_index],
             circle.message);
  }
}

/// Two rules that say "and" where people often mean "or".
void Merge::warn_of_twins() {
  std::map<std::string, Where> first;
  for (ConfigDocument& document : documents_) {
    for (PlacedRule& placed : document.rules) {
      if (!placed.sound) continue;
      const std::string key =
          fmt::format("{}:{}:{}", domain_of(document), placed.rule.exact, identity(placed.rule.match));
      const auto [earlier, fresh] = first.emplace(key, Where{&document, &placed});
      if (fresh) continue;
      const Rule& twin = earlier->second.placed->rule;
      const bool replaced = !placed.rule.replaces.empty() || !twin.replaces.empty();
      if (replaced) continue;
      complain(
          document.warnings, document, placed.place,
          fmt::format("rule: {} matches the same as {} in {}, so the limits of both apply; put them into "
                      "one rule",
                      quoted(placed.rule.name), quoted(twin.name),
                      at(*earlier->second.document, earlier->second.placed->place)));
    }
  }
}

void Merge::take_rules() {
  if (!config_.has_rules) return;
  config_.rules.rules.clear();
  for (ConfigDocument& document : documents_) {
    const std::string domain = domain_of(document);
    for (PlacedRule& placed : document.rules) {
      if (domain != config_.rules.domain) placed.rule.domain = domain;
      config_.rules.rules.push_back(std::move(placed.rule));
    }
  }
}

/// In the order of the files, and in each by place.
std::vector<ConfigError> Merge::gather(std::vector<ConfigError> ConfigDocument::*list,
                                       std::size_t count_max) {
  std::vector<ConfigError> out;
  for (ConfigDocument& document : documents_) {
    std::vector<ConfigError>& said = document.*list;
    std::stable_sort(said.begin(), said.end(), [](const ConfigError& a, const ConfigError& b) {
      return std::pair(a.line, a.column) < std::pair(b.line, b.column);
    });
    for (ConfigError& each : said)
      if (out.size() < count_max) out.push_back(std::move(each));
  }
  return out;
}

tl::expected<ConfigFile, std::vector<ConfigError>> Merge::run() {
  config_.rules = RuleSet::built_in();
  take_domain();
  take_learning();
  take_settings();
  take_names();
  check_replacements();
  warn_of_twins();
  std::vector<ConfigError> errors = gather(&ConfigDocument::errors, config_errors_max);
  if (!errors.empty()) return tl::unexpected(std::move(errors));
  config_.warnings = gather(&ConfigDocument::warnings, config_warnings_max);
  take_rules();
  return std::move(config_);
}

}  // namespace

tl::expected<ConfigFile, std::vector<ConfigError>> merge(std::vector<ConfigDocument> documents) {
  return Merge(std::move(documents)).run();
}

}  // namespace starling
