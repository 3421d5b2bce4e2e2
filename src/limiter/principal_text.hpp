/// A principal for people: "client_ip=10.0.0.1,user=alice".
///
/// These are the entries by which the rule tells callers apart (its `*` and `prefix*` keys), sorted by key;
/// of a limit that the request itself brought, all entries of its descriptor. The text is cut to a bound and
/// names nobody for sure: two callers may share it, never a counter. Bytes are left as they came; whoever
/// shows them makes them printable.
#pragma once

#include <starling/request.hpp>

#include <string>

#include "limiter/name_book.hpp"
#include "limiter/rules.hpp"

namespace starling {

/// Writes the text into `out`, at most `principal_text_bytes_max` bytes; nothing is left of what was there.
/// `rule`: null if the request brought the limit.
void write_principal(const Rule* rule, const Descriptor& descriptor, std::string& out);

}  // namespace starling
