#include "limiter/document_reader.hpp"

#include <yaml-cpp/depthguard.h>
#include <yaml-cpp/eventhandler.h>

#include <sstream>

#include "base/shown_text.hpp"
#include "limiter/yaml_reader.hpp"

namespace starling {
namespace {

/// Notes whether a document says anything, and where.
class Content final : public YAML::EventHandler {
 public:
  const std::optional<YAML::Mark>& start() const { return start_; }
  const std::optional<YAML::Mark>& text() const { return text_; }

  void OnDocumentStart(const YAML::Mark& mark) override { start_ = mark; }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override { note(mark); }
  void OnScalar(const YAML::Mark& mark, const std::string&, YAML::anchor_t, const std::string&) override {
    note(mark);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    note(mark);
  }
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {
    note(mark);
  }
  void OnMapEnd() override {}

 private:
  void note(const YAML::Mark& mark) {
    if (!text_) text_ = mark;
  }
  std::optional<YAML::Mark> start_;
  std::optional<YAML::Mark> text_;
};

/// Where a file goes on after its first document, which is all that YAML::Load looks at: rules that stood
/// there would be missing in silence. One empty document may follow, as behind a closing `---`. Not
/// YAML::LoadAll: on a stray `,` it finds documents without end.
std::optional<YAML::Mark> rest_of_file(const std::string& text) {
  std::istringstream stream(text);
  YAML::Parser parser(stream);
  Content first;
  Content second;
  Content third;
  parser.HandleNextDocument(first);
  if (!parser.HandleNextDocument(second) || second.text()) return second.text();
  parser.HandleNextDocument(third);
  return third.start();
}

PlacedRule::Place place_of(const YAML::Node& node) {
  return {node.Mark().line + 1, node.Mark().column + 1};
}

void read_settings(YamlReader& reader, const YAML::Node& node, ConfigDocument& document) {
  reader.read_map(node, "settings", {}, [&](const YAML::Node& key, const YAML::Node& value) {
    if (!value.IsScalar())
      return reader.expected(value, fmt::format("settings: {}", shown(key.Scalar())), "a single value");
    document.settings.push_back(ConfigSetting{key.Scalar(), value.Scalar(), key.Mark().line + 1,
                                              key.Mark().column + 1, document.file});
  });
}

void read_rules(YamlReader& reader, const YAML::Node& node, ConfigDocument& document) {
  document.has_rules = true;
  if (!reader.is_list(node, "rules", "rules", rules_max)) return;
  if (node.size() == 0) reader.warn(node.Mark(), "rules: an empty list: every request passes");
  for (const YAML::Node& item : node) {
    if (reader.gives_up()) return;  // aliases can make a small file say a great deal
    document.rules.push_back(read_rule(reader, item, document.file));
  }
}

void read_root(YamlReader& reader, const YAML::Node& root, ConfigDocument& document) {
  reader.read_map(root, "the file",
                  {{"domain",
                    [&](const YAML::Node& node) {
                      if (auto name = reader.read_name(node, "domain"))
                        document.domain = {std::move(*name), place_of(node)};
                    }},
                   {"learning",
                    [&](const YAML::Node& node) {
                      if (const auto said = reader.read_flag(node, "learning"))
                        document.learning = {*said, place_of(node)};
                    }},
                   {"rules", [&](const YAML::Node& node) { read_rules(reader, node, document); }},
                   {"settings", [&](const YAML::Node& node) { read_settings(reader, node, document); }}});
}

/// Reads what follows the first document as well, so that nothing is left out in silence.
void read_whole(YamlReader& reader, const std::string& text, ConfigDocument& document) {
  const YAML::Node root = YAML::Load(text);  // the first document
  if (const auto rest = rest_of_file(text))
    return reader.error(*rest,
                        "expected the end of the file, found more after the first YAML document; put "
                        "everything into one map");
  // A file cut off at its start must not quietly turn the limits into the built-in one.
  if (root.IsNull())
    return reader.error(
        YAML::Mark::null_mark(),
        "expected `rules`, `settings` or `domain`, found nothing; for the built-in rule name no file");
  read_root(reader, root, document);
}

}  // namespace

ConfigDocument read_document(std::string_view text, const std::string& file) {
  ConfigDocument document;
  document.file = file;
  YamlReader reader(file);
  try {
    if (text.size() > config_bytes_max)
      reader.error(YAML::Mark::null_mark(),
                   fmt::format("expected at most {} bytes, found {}", config_bytes_max, text.size()));
    else
      read_whole(reader, std::string(text), document);
  } catch (const YAML::DeepRecursion& exception) {
    reader.error(exception.mark, "expected a map of rules, found one nested too deep to be that");
  } catch (const YAML::Exception& exception) {
    reader.error(exception.mark,
                 fmt::format("expected YAML, found an error in it: {}", shown(exception.msg)));
  }
  document.errors = reader.take_errors();
  document.warnings = reader.take_warnings();
  return document;
}

}  // namespace starling
