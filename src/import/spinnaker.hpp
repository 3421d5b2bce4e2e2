/// From the `rateLimit` block of Spinnaker's Gate to one rule.
///
/// Gate limits each principal; single principals and source applications (the header X-RateLimit-App) have
/// other capacities, a principal's own before its application's, and single principals other windows. That is
/// one rule over `principal` with overrides. Its flags are harder: where an application has a capacity, only
/// `app:<name>` among `enforcing` makes it deny, whatever the principal's flags say; and the application
/// `deck`, Spinnaker's own front end, is exempt unless `app:deck` is there.
///
/// Spring binds names loosely: `rateLimit`, `rate-limit` and `rate_limit` are one.
#pragma once

#include <optional>
#include <vector>

#include "import/foreign_yaml.hpp"
#include "import/report.hpp"

namespace starling {

/// Nothing if there was an error.
std::optional<Imported> import_spinnaker(const std::vector<ForeignNode>& documents, ImportReport& report);

}  // namespace starling
