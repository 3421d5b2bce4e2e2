/// The messages of Envoy's Rate Limit Service as proto3 JSON, as the reference service has them at `/json`.
///
/// Read is what protojson reads: fields in snake_case and camelCase, units by name or number, numbers also in
/// strings, null for the default. Like there a field that nobody knows and one that comes twice are errors: a
/// misspelt name would limit by the wrong key. Written is camelCase, defaults left out. Nothing that has no
/// place in the message is stepped over, so nesting has no depth that could hurt.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "frontend/rls_answer.hpp"
#include "frontend/rls_request.hpp"

namespace starling::http {

/// Fills `request`, which is empty, with views into `arena`. Error: the place, what was expected and what was
/// found; the request is then of no use.
tl::expected<void, std::string> read_rls_json(std::string_view body, std::string& arena, RlsRequest& request);

/// Appends the answer to `out`.
void append_rls_json(std::string& out, const RlsAnswer& answer);

}  // namespace starling::http
