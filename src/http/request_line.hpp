/// The first line of a request, read strictly.
///
/// llhttp takes several spaces between the parts, a tab within the target, HTTP/0.9 and the RTSP and ICE
/// protocols; a rate limiter's port needs none of them, so the line is checked here and llhttp sees only what
/// passed. Source: RFC 9112, section 3.
#pragma once

#include <string_view>
#include <tl/expected.hpp>

#include "http/counters.hpp"

namespace starling::http {

struct RequestLine {
  std::string_view method;
  std::string_view target;  ///< as it came
  std::string_view path;    ///< of the target, without scheme and authority
  std::string_view query;
  bool http_1_0 = false;
};

/// True for the characters of methods and header names (RFC 9110, section 5.6.2).
bool is_token(std::string_view text);

/// `line` comes without its CRLF.
tl::expected<RequestLine, HeadError> parse_request_line(std::string_view line);

}  // namespace starling::http
