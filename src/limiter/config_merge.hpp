/// Makes one configuration of the files that were read, and looks at how their rules fit together.
///
/// Names are unique over all files, because counters are kept by name. `replaces` must name rules that are
/// there, and must not go in circles: in a circle every rule would be replaced, and nothing enforced.
#pragma once

#include <tl/expected.hpp>
#include <vector>

#include "limiter/config_file.hpp"
#include "limiter/document_reader.hpp"

namespace starling {

tl::expected<ConfigFile, std::vector<ConfigError>> merge(std::vector<ConfigDocument> documents);

}  // namespace starling
