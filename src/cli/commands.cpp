#include "cli/commands.hpp"

#include <fmt/format.h>
#include <starling/version.hpp>

#include <memory>

#include "cli/asking.hpp"
#include "cli/views.hpp"

namespace starling::cli {

void add_commands(CLI::App& app, int& exit_code) {
  CLI::App* peers = app.add_subcommand("peers", "Show the peers of a node");
  CLI::App* status =
      app.add_subcommand("status", "Show a node and what to do next; exit 3 if it is not ready");
  CLI::App* version_command = app.add_subcommand("version", "Show the version");

  // The callbacks outlive this function.
  const auto asking = std::make_shared<Asking>();
  add_asking(*peers, *asking, AsksFor::watching);
  add_asking(*status, *asking, AsksFor::watching);

  peers->callback([asking, &exit_code] {
    exit_code = run(*asking, "/v1/peers",
                    [asking](const Json& d) { return render_peers(d, asking->format == Format::wide); });
  });
  status->callback([asking, &exit_code] {
    exit_code = run(
        *asking, [asking] { return ask(*asking, "/v1/status"); },
        [asking](const Json& d) { return render_status(d, asking->format == Format::wide); },
        [](const Json& document) { return flag_of(document, "ready") ? 0 : exit_denied; });
  });
  version_command->callback([] { fmt::print("starling {}\n", version); });
}

}  // namespace starling::cli
