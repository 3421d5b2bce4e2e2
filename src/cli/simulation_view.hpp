/// The outcome of a simulation as a document, and as people see it.
#pragma once

#include <string>

#include "cli/output.hpp"
#include "sim/experiment.hpp"

namespace starling::cli {

/// Parameters as they would be given on the command line, and the figures. A figure that there is none of
/// (how long until all know of a hit, when nobody tells anybody) is null.
Json simulation_json(const sim::ExperimentOptions& options, const sim::ExperimentResult& result);

/// A pure function of that document.
std::string render_simulation(const Json& document);

}  // namespace starling::cli
