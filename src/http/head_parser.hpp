/// Reads a complete request head with llhttp.
///
/// A pure function: the connection has found the head's end (see head_scanner.hpp) and hands it over in one
/// piece, so there is no parser state between two reads. llhttp keeps the rules about what frames a message
/// (Content-Length, Transfer-Encoding, Connection); what it takes too generously is refused here: names that
/// are not tokens ("Content-Length : 5"), an unknown framing, HTTP/1.1 without exactly one Host.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "http/counters.hpp"
#include "http/handler.hpp"

namespace starling::http {

/// Fills `request`, whose views point into `head` and whose headers lie in `headers`; more headers than fit
/// there are an error. `head` ends with its blank line. Upgrade and Expect are not looked at:
/// without its body a request is answered for good, and who wants the body looks at Expect (connection.cpp).
std::optional<HeadError> parse_head(std::string_view head, std::span<Header> headers, RequestView& request);

}  // namespace starling::http
