/// Walks one YAML document strictly, and says with file:line:column what is wrong with it.
///
/// Every reader of a part of the configuration shares one of these. An error is told and reading goes on, so
/// that a person sees all mistakes at once; whoever needs to know whether a part is sound compares
/// `errors_count` before and after.
///
/// The hard case is aliases: a small file can say a large list ten thousand times. So lists are measured
/// before they are walked, and `spend` holds what is kept to one bound for the whole document.
#pragma once

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "limiter/config_file.hpp"

namespace starling {

class YamlReader {
 public:
  using Field = std::pair<std::string_view, std::function<void(const YAML::Node&)>>;
  using Entry = std::function<void(const YAML::Node& key, const YAML::Node& value)>;

  explicit YamlReader(std::string file) : file_(std::move(file)) {}

  void error(const YAML::Mark& mark, std::string message);
  void expected(const YAML::Node& node, std::string_view what, std::string_view wanted);
  void warn(const YAML::Mark& mark, std::string message);
  /// Enough has been said. What is still read then is neither told nor used.
  bool gives_up() const;
  std::size_t errors_count() const { return errors_count_; }  ///< those not told included

  /// Walks a map: each key must be one of `fields` (or, if given, go to `other`), and come once.
  void read_map(const YAML::Node& node, std::string_view what, const std::vector<Field>& fields,
                const Entry& other = nullptr);
  /// True if it is a list of 0 to `count_max` items, which may be walked. `items`: "rules".
  bool is_list(const YAML::Node& node, std::string_view what, std::string_view items, std::size_t count_max);
  std::optional<std::string> read_name(const YAML::Node& node, std::string_view what);
  /// `true` or `false`; `yes` and `on` are texts.
  std::optional<bool> read_flag(const YAML::Node& node, std::string_view what);
  /// The names stand in the order of the enumerators.
  template <class Enum, std::size_t count>
  void read_choice(const YAML::Node& node, std::string_view what,
                   const std::array<std::string_view, count>& names, Enum& out) {
    const auto name = node.IsScalar() ? std::find(names.begin(), names.end(), node.Scalar()) : names.end();
    if (name == names.end()) return expected(node, what, fmt::format("{}", fmt::join(names, ", ")));
    out = static_cast<Enum>(name - names.begin());
  }

  /// Accounts for an entry of `bytes` of text that will be kept. False, with an error, if it was too much.
  bool spend(const YAML::Node& node, std::size_t bytes);

  std::vector<ConfigError> take_errors() { return std::move(errors_); }
  std::vector<ConfigError> take_warnings() { return std::move(warnings_); }

 private:
  // What a document may say when its aliases are written out; four times what it may say without any.
  static constexpr std::size_t spent_bytes_max = 4 * config_bytes_max;

  std::string file_;
  std::vector<ConfigError> errors_;
  std::vector<ConfigError> warnings_;
  std::size_t errors_count_ = 0;
  std::size_t spent_bytes_ = 0;
};

}  // namespace starling
