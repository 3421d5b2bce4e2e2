#include "cli/standard_output.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>

namespace starling::cli {

bool put(std::string_view text) {
  std::signal(SIGPIPE, SIG_DFL);  // what talks to nodes ignores it
  if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0)
    return true;
  fmt::print(stderr, "starling: cannot write to standard output: {}\n", std::strerror(errno));
  return false;
}

bool is_output_a_terminal() {
  return isatty(STDOUT_FILENO) == 1;
}

}  // namespace starling::cli
