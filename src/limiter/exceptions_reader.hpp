/// Reads what a rule says of some of its callers: `overrides`, `enforcing`, `ignoring`.
///
/// Such an entry only ever meets descriptors that the rule matches. One that no such descriptor can meet
/// (another value for a key that the rule holds to one, a further key although the rule is exact) is dead
/// text that looks like a limit, so it is an error.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "limiter/rules.hpp"
#include "limiter/yaml_reader.hpp"

namespace starling {

/// True if every descriptor that `rule` matches fits `matcher` as well.
bool is_implied(const Rule& rule, const Matcher& matcher);

class ExceptionsReader {
 public:
  /// `rule` has its `match` and `exact`; an empty match (it was faulty) contradicts nothing. Both outlive
  /// this.
  ExceptionsReader(YamlReader& reader, Rule& rule) : reader_(reader), rule_(rule) {}

  void read_overrides(const YAML::Node& node);
  /// `list`: "enforcing" or "ignoring".
  void read_callers(const YAML::Node& node, std::string_view list, std::vector<Caller>& out);
  /// Of callers that are in both lists.
  void warn_of_contradictions(const YAML::Node& node);

 private:
  Override read_override(const YAML::Node& node);
  Caller read_caller(const YAML::Node& node, std::string_view list);
  Caller read_principal(const YAML::Node& node, std::string_view list);
  void demand_meetable(const YAML::Node& node, std::string_view what, const std::vector<Matcher>& match);

  YamlReader& reader_;
  Rule& rule_;
};

}  // namespace starling
