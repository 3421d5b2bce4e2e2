#include "node/open_log.hpp"

#include <unistd.h>

#include <cstdlib>
#include <string_view>
#include <system_error>

#include "node/log_writer.hpp"
#include "node/node_name.hpp"

namespace starling {
namespace {

bool wants_colour() {
  const char* no_color = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  return isatty(STDERR_FILENO) == 1 && (no_color == nullptr || *no_color == '\0') &&
         !(term != nullptr && std::string_view(term) == "dumb");
}

}  // namespace

tl::expected<Log, std::string> open_log(const Settings& settings) {
  try {
    auto writer = std::make_unique<LogWriter>(LogWriter::Options{.fd = STDERR_FILENO,
                                                                 .format = settings.log_format,
                                                                 .is_coloured = wants_colour(),
                                                                 .node = node_name_of(settings)});
    return std::make_shared<Logger>(std::move(writer), settings.log_level);
  } catch (const std::system_error& problem) {
    return tl::unexpected(std::string("the log: expected to start a thread: ") + problem.what());
  }
}

}  // namespace starling
