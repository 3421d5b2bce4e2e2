#include "cli/commands.hpp"

#include <memory>

#include "cli/asking.hpp"
#include "cli/views.hpp"

namespace starling::cli {

void add_commands(CLI::App& app, int& exit_code) {
  CLI::App* peers = app.add_subcommand("peers", "Show the peers of a node");
  CLI::App* status =
      app.add_subcommand("status", "Show a node and what to do next; exit 3 if it is not ready");

  // The callbacks outlive this function.
  const auto of_peers = std::make_shared<Asking>();
  const auto of_status = std::make_shared<Asking>();
  add_asking(*peers, *of_peers, AsksFor::watching);
  add_asking(*status, *of_status, AsksFor::watching);

  peers->callback([of_peers, &exit_code] {
    exit_code = run(*of_peers, "/v1/peers", [of_peers](const Json& d) {
      return render_peers(d, of_peers->wide(), of_peers->paint());
    });
  });
  status->callback([of_status, &exit_code] {
    exit_code = run(
        *of_status, [of_status] { return ask(*of_status, "/v1/status"); },
        [of_status](const Json& d) { return render_status(d, of_status->wide(), of_status->paint()); },
        [](const Json& document) { return flag_of(document, "ready") ? 0 : exit_denied; });
  });
}

}  // namespace starling::cli
