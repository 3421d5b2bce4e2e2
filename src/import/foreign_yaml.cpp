#include "import/foreign_yaml.hpp"

#include <fmt/format.h>
#include <yaml-cpp/depthguard.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <optional>
#include <sstream>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "base/shown_text.hpp"

namespace starling {
namespace {

Place place_of(const YAML::Mark& mark) {
  return Place{.line = mark.line + 1, .column = mark.column + 1};
}

/// Leaves the parser, which knows no other way out; caught in this file.
struct Refused {
  ImportError error;
};

std::size_t nodes_count(const ForeignNode& node) {
  std::size_t count = 1;
  for (const ForeignNode& item : node.items) count += nodes_count(item);
  for (const ForeignEntry& entry : node.entries) count += nodes_count(entry.value);
  return count;
}

class TreeBuilder final : public YAML::EventHandler {
 public:
  /// Null if the document was empty.
  std::optional<ForeignNode> take_document() { return std::exchange(document_, std::nullopt); }

  void OnDocumentStart(const YAML::Mark&) override {
    anchors_.clear();
    open_.clear();
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    add(node_at(ForeignNode::Kind::nothing, mark), anchor);
  }
  void OnScalar(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                const std::string& value) override {
    ForeignNode node = node_at(ForeignNode::Kind::text, mark);
    node.text = value;
    add(std::move(node), anchor);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end())
      throw Refused{{place_of(mark), "expected an alias of something before it, found one within itself"}};
    count(found->second.nodes_count, place_of(mark));
    // The place stays that of what is meant: that is what a person has to change.
    add(found->second.node, YAML::NullAnchor);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(ForeignNode::Kind::list, mark, anchor);
  }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(ForeignNode::Kind::map, mark, anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapEnd() override { close(); }

 private:
  struct Open {
    ForeignNode node;
    YAML::anchor_t anchor = YAML::NullAnchor;
    std::optional<ForeignNode> key;         ///< of a map: a key whose value is to come
    std::vector<ForeignNode> merged;        ///< of a map: the values of its `<<`
    std::unordered_set<std::string> names;  ///< of a map: the keys so far
  };
  struct Anchored {
    ForeignNode node;
    std::size_t nodes_count = 0;
  };

  void count(std::size_t more, Place place) {
    nodes_count_ += more;
    if (nodes_count_ > foreign_nodes_max)
      throw Refused{{place, fmt::format("expected at most {} values, found more (aliases count as often "
                                        "as they are used)",
                                        foreign_nodes_max)}};
  }

  ForeignNode node_at(ForeignNode::Kind kind, const YAML::Mark& mark) {
    count(1, place_of(mark));
    ForeignNode node;
    node.kind = kind;
    node.place = place_of(mark);
    return node;
  }

  void open(ForeignNode::Kind kind, const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (open_.size() == foreign_depth_max)
      throw Refused{{place_of(mark),
                     fmt::format("expected at most {} levels, found one nested deeper", foreign_depth_max)}};
    open_.push_back(Open{.node = node_at(kind, mark), .anchor = anchor});
  }

  void close() {
    Open done = std::move(open_.back());
    open_.pop_back();
    for (const ForeignNode& source : done.merged) merge(done, source);
    add(std::move(done.node), done.anchor);
  }

  /// What a `<<` brings in: the keys that the map does not say itself.
  static void merge(Open& map, const ForeignNode& source) {
    if (source.is_list()) {
      for (const ForeignNode& item : source.items) merge(map, item);
      return;
    }
    if (!source.is_map())
      throw Refused{
          {source.place, fmt::format("expected a map to merge with `<<`, found {}", source.found())}};
    for (const ForeignEntry& entry : source.entries)
      if (map.names.insert(entry.key).second) map.node.entries.push_back(entry);
  }

  void add(ForeignNode node, YAML::anchor_t anchor) {
    if (anchor != YAML::NullAnchor) {
      const std::size_t size = starling::nodes_count(node);
      count(size, node.place);  // the copy for its aliases: anchors nest
      anchors_[anchor] = Anchored{node, size};
    }
    if (open_.empty()) {
      document_ = std::move(node);
      return;
    }
    Open& parent = open_.back();
    if (parent.node.is_list()) {
      parent.node.items.push_back(std::move(node));
    } else if (!parent.key) {
      if (!node.is_text())
        throw Refused{{node.place, fmt::format("expected a text as key, found {}", node.found())}};
      parent.key = std::move(node);
    } else if (parent.key->text == "<<") {
      parent.merged.push_back(std::move(node));
      parent.key.reset();
    } else {
      add_entry(parent, std::move(node));
    }
  }

  static void add_entry(Open& map, ForeignNode value) {
    const ForeignNode key = std::move(*map.key);
    map.key.reset();
    if (!map.names.insert(key.text).second)
      throw Refused{{key.place, fmt::format("duplicate key {}; remove one of the two", quoted(key.text))}};
    map.node.entries.push_back(ForeignEntry{key.text, key.place, std::move(value)});
  }

  std::optional<ForeignNode> document_;
  std::vector<Open> open_;
  std::unordered_map<YAML::anchor_t, Anchored> anchors_;
  std::size_t nodes_count_ = 0;
};

std::vector<ForeignNode> read_documents(const std::string& text) {
  std::vector<ForeignNode> documents;
  std::istringstream stream(text);
  YAML::Parser parser(stream);
  TreeBuilder builder;
  // On a stray `,` the parser finds documents without end.
  for (std::size_t count = 0; parser.HandleNextDocument(builder); ++count) {
    if (count == foreign_documents_max)
      throw Refused{
          {Place{}, fmt::format("expected at most {} YAML documents, found more; is there a stray `,` at "
                                "the end of a line?",
                                foreign_documents_max)}};
    auto document = builder.take_document();
    if (document && !document->is_nothing()) documents.push_back(std::move(*document));
  }
  return documents;
}

}  // namespace

const ForeignNode* ForeignNode::find(std::string_view key) const {
  const auto entry =
      std::find_if(entries.begin(), entries.end(), [&](const ForeignEntry& e) { return e.key == key; });
  return entry == entries.end() ? nullptr : &entry->value;
}

std::string ForeignNode::found() const {
  switch (kind) {
    case Kind::nothing:
      return "nothing";
    case Kind::text:
      return quoted(text);
    case Kind::list:
      return "a list";
    case Kind::map:
      return "a map";
  }
  return "something else";
}

tl::expected<std::vector<ForeignNode>, ImportError> read_foreign_yaml(std::string_view text) {
  if (text.size() > foreign_bytes_max)
    return tl::unexpected(ImportError{
        Place{}, fmt::format("expected at most {} bytes, found {}", foreign_bytes_max, text.size())});
  try {
    std::vector<ForeignNode> documents = read_documents(std::string(text));
    if (documents.empty())
      return tl::unexpected(ImportError{Place{}, "expected a configuration in YAML, found nothing"});
    return documents;
  } catch (const Refused& refused) {
    return tl::unexpected(refused.error);
  } catch (const YAML::DeepRecursion& exception) {
    return tl::unexpected(
        ImportError{place_of(exception.mark),
                    fmt::format("expected at most {} levels, found one nested deeper", foreign_depth_max)});
  } catch (const YAML::Exception& exception) {
    return tl::unexpected(
        ImportError{place_of(exception.mark),
                    fmt::format("expected YAML, found an error in it: {}", shown(exception.msg))});
  }
}

}  // namespace starling
