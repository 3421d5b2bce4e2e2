#include "import/envoy.hpp"

#include "import/envoy_lookup.hpp"
#include "import/envoy_rules.hpp"
#include "import/envoy_tree.hpp"

namespace starling {

std::optional<Imported> import_envoy(const ForeignNode& document, ImportReport& report) {
  const auto tree = read_envoy_tree(document, report);
  if (!tree) return std::nullopt;
  Imported imported;
  imported.rules.domain = tree->domain;
  imported.rules.rules = envoy_rules(tree->domain, envoy_lookups(*tree, report), report);
  imported.explanation = {
      "Each rule stands for the descriptors with just these keys (`exact`), in any order. Where Envoy tries "
      "a",
      "value before a wildcard before the bare key, the more general one is the rule and the others are its",
      "`overrides`; `unlimited` there means that Envoy finds no limit, or an unlimited one.",
  };
  return imported;
}

}  // namespace starling
