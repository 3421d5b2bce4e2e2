#include "cli/version.hpp"

#include <fmt/format.h>

#include <array>
#include <memory>
#include <starling/version.hpp>
#include <string_view>

#include "cli/asking.hpp"
#include "cli/standard_output.hpp"
#include "wire/messages.hpp"

namespace starling::cli {

void add_version(CLI::App& app, int& exit_code) {
  static constexpr std::array<std::string_view, 2> formats{"text", "json"};
  CLI::App* command = app.add_subcommand("version", "Show the version; -o json: and that of the protocol");
  const auto json = std::make_shared<bool>(false);  // the callback outlives this function
  command
      ->add_option_function<std::string>(
          "-o,--output", [json](const std::string& format) { *json = format == "json"; },
          "How to show it [default: text]")
      ->type_name("text|json")
      ->check(expecting_one_of(formats));
  command->callback([json, &exit_code] {
    const Json document = {{"version", version}, {"protocol", wire::protocol_version}};
    exit_code = put(*json ? render_json(document) : fmt::format("starling {}\n", version)) ? 0 : exit_failed;
  });
}

}  // namespace starling::cli
