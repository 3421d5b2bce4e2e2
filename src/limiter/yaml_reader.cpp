#include "limiter/yaml_reader.hpp"

#include <set>

#include "base/shown_text.hpp"

namespace starling {
namespace {

constexpr std::size_t name_bytes_max = 256;
constexpr std::size_t entry_overhead_bytes = 64;  // what an entry costs beyond its text, about

std::string_view kind_of(const YAML::Node& node) {
  switch (node.Type()) {
    case YAML::NodeType::Map:
      return "a map";
    case YAML::NodeType::Sequence:
      return "a list";
    case YAML::NodeType::Null:
      return "nothing";
    default:
      return "a value";
  }
}

std::string found(const YAML::Node& node) {
  return node.IsScalar() ? quoted(node.Scalar()) : std::string(kind_of(node));
}

std::string names_of(const std::vector<YamlReader::Field>& fields) {
  std::string names;
  for (const YamlReader::Field& field : fields)
    names += fmt::format("{}{}", names.empty() ? "" : ", ", field.first);
  return names;
}

}  // namespace

void YamlReader::error(const YAML::Mark& mark, std::string message) {
  ++errors_count_;
  if (errors_.size() < config_errors_max)
    errors_.push_back(ConfigError{file_, mark.line + 1, mark.column + 1, std::move(message)});
}

void YamlReader::warn(const YAML::Mark& mark, std::string message) {
  if (warnings_.size() < config_warnings_max)
    warnings_.push_back(ConfigError{file_, mark.line + 1, mark.column + 1, std::move(message)});
}

void YamlReader::expected(const YAML::Node& node, std::string_view what, std::string_view wanted) {
  error(node.Mark(), fmt::format("{}: expected {}, found {}", what, wanted, found(node)));
}

void YamlReader::read_map(const YAML::Node& node, std::string_view what, const std::vector<Field>& fields,
                          const Entry& other) {
  if (!node.IsMap()) return expected(node, what, "a map");
  std::set<std::string> seen;
  for (const auto& item : node) {
    if (!item.first.IsScalar()) {
      expected(item.first, what, "a name as key");
      continue;
    }
    const std::string& key = item.first.Scalar();
    if (!seen.insert(key).second) {
      error(item.first.Mark(), fmt::format("{}: duplicate key {}; remove one of the two", what, quoted(key)));
      continue;
    }
    const auto field =
        std::find_if(fields.begin(), fields.end(), [&](const Field& f) { return f.first == key; });
    if (item.second.IsNull() && (field != fields.end() || other)) {
      error(item.first.Mark(), fmt::format("{}: {}: expected a value, found nothing", what, shown(key)));
    } else if (field != fields.end()) {
      field->second(item.second);
    } else if (other) {
      other(item.first, item.second);
    } else {
      error(item.first.Mark(),
            fmt::format("{}: unknown key {}; expected one of: {}", what, quoted(key), names_of(fields)));
    }
  }
}

bool YamlReader::gives_up() const {
  return errors_.size() == config_errors_max || spent_bytes_ > spent_bytes_max;
}

bool YamlReader::is_list(const YAML::Node& node, std::string_view what, std::string_view items,
                         std::size_t count_max) {
  if (!node.IsSequence()) {
    expected(node, what, fmt::format("a list of {}", items));
    return false;
  }
  if (node.size() <= count_max) return true;
  error(node.Mark(),
        fmt::format("{}: expected at most {} {}, found {}", what, count_max, items, node.size()));
  return false;
}

std::optional<std::string> YamlReader::read_name(const YAML::Node& node, std::string_view what) {
  if (!node.IsScalar() || node.Scalar().empty() || node.Scalar().size() > name_bytes_max) {
    expected(node, what, fmt::format("a text of 1 to {} bytes", name_bytes_max));
    return std::nullopt;
  }
  return node.Scalar();
}

std::optional<bool> YamlReader::read_flag(const YAML::Node& node, std::string_view what) {
  if (node.IsScalar() && node.Scalar() == "true") return true;
  if (node.IsScalar() && node.Scalar() == "false") return false;
  expected(node, what, "true or false");
  return std::nullopt;
}

bool YamlReader::spend(const YAML::Node& node, std::size_t bytes) {
  if (spent_bytes_ > spent_bytes_max) return false;  // said already
  spent_bytes_ += bytes + entry_overhead_bytes;
  if (spent_bytes_ <= spent_bytes_max) return true;
  error(node.Mark(), fmt::format("the file: expected at most {} bytes with its aliases written out, found "
                                 "more; say less, or use several files",
                                 spent_bytes_max));
  return false;
}

}  // namespace starling
