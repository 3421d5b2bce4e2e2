#include "cli/rules.hpp"

#include <memory>

#include "cli/asking.hpp"
#include "cli/rules_view.hpp"
#include "http/query.hpp"

namespace starling::cli {

std::string rules_target(const std::string& rule) {
  std::string target = "/v1/rules";
  if (!rule.empty()) http::append_query_parameter(target, "rule", rule);
  return target;
}

void add_rules(CLI::App& app, int& exit_code) {
  CLI::App* command =
      app.add_subcommand("rules", "Show the rules as they hold now, and where every value comes from");
  struct Flags {
    Asking asking;
    std::string rule;
  };
  const auto flags = std::make_shared<Flags>();  // the callback outlives this function
  add_asking(*command, flags->asking, AsksFor::watching);
  command->add_option("--rule", flags->rule, "This rule only")->type_name("NAME");
  command->callback([flags, &exit_code] {
    exit_code = run(flags->asking, rules_target(flags->rule), [flags](const Json& document) {
      return render_rules(document, flags->asking.wide(), flags->asking.paint());
    });
  });
}

}  // namespace starling::cli
