/// `starling node` as a process: one loop, a node, its front ends, signals.
#pragma once

#include <map>
#include <string>

namespace starling {

/// Runs until a signal ends it. `flags`: what the command line said, by the setting's name. Returns the exit
/// code: 0 stopped as asked, 1 failed, 2 wrong usage.
int run_node(const std::map<std::string, std::string>& flags);

}  // namespace starling
