/// What the generator is told on its command line. It is meant for scripts (scripts/loadtest, scripts/bench),
/// which say the same in words for people.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "limit_told.hpp"
#include "plan.hpp"

namespace starling::load {

struct Options {
  struct Target {
    std::string host, port;
    double weight = 1;
  };
  std::string protocol, request, path, answer;
  std::vector<Target> targets;
  std::vector<Phase> phases;  ///< none: closed loop for `seconds`
  LimitName limit;            ///< whose windows are counted; none without a length
  double seconds = 3, zipf = 0;
  double at_s = 0;  ///< wall clock of the start; 0: at once
  std::uint32_t callers = 1;
  std::size_t connections = 50;  ///< to each target
  bool busy = false;             ///< never sleep
  bool survive = false;          ///< connect again rather than give up
  bool progress = false;
};

/// Ends the program when they make no sense, with a line that says why.
Options read_options(int argc, char** argv);

/// Ends the program.
[[noreturn]] void die(const std::string& message, int code = 1);

}  // namespace starling::load
