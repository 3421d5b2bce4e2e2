/// What to do about keys: a node that was forgotten, a key file with a mistake, a change that is not
/// finished.
#pragma once

#include <vector>

#include "node/advice.hpp"
#include "node/status.hpp"

namespace starling {

/// What is wrong is added to `out`; `notes` take what is only worth knowing.
void advise_on_keys(const NodeStatus& status, std::vector<Advice>& out, std::vector<Advice>& notes);

}  // namespace starling
