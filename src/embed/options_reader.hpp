/// From the options of the public API to what the parts inside want. One reader for every text there is:
/// values are checked by the table of `starling node`'s settings, rules by the reader of rules files.
#pragma once

#include <starling/engine.hpp>
#include <starling/node.hpp>

#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "engine/engine.hpp"
#include "limiter/config_file.hpp"
#include "node/node.hpp"

namespace starling::embed {

/// Text for `Error`: one line for each problem.
template <class T>
using Read = tl::expected<T, std::string>;

struct NodePlan {
  starling::Node::Options options;
  std::vector<std::string> warnings;  ///< about the rules; one line each
};

struct EnginePlan {
  starling::EngineOptions options;
  RuleSet rules;
};

/// Reads `rules_path`, if there is one, from disk.
Read<NodePlan> read_options(const NodeOptions& options);
Read<EnginePlan> read_options(const EngineOptions& options);

/// Rules, and the `settings:` beside them, which must be sound.
Read<ConfigFile> read_rules(std::string_view yaml);

/// Messages about settings begin with a flag; here there is no command line.
std::string without_dashes(std::string_view message);

}  // namespace starling::embed
