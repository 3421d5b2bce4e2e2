#include "http/head_parser.hpp"

#include <llhttp.h>

#include "http/request_line.hpp"

namespace starling::http {
namespace {

/// What llhttp's callbacks gather.
struct Gathered {
  std::span<Header> headers;
  std::size_t headers_count = 0;
  bool in_header = false;
  bool too_many = false;
  bool complete = false;
  unsigned flags = 0;
  std::uint64_t content_length = 0;
  bool keep_alive = false;
};

Gathered& gathered(llhttp_t* parser) {
  return *static_cast<Gathered*>(parser->data);
}

/// llhttp may report one span in several pieces; in one buffer they lie side by side.
void extend(std::string_view& view, const char* at, std::size_t length) {
  const char* begin = view.data() == nullptr ? at : view.data();
  view = std::string_view(begin, static_cast<std::size_t>(at + length - begin));
}

int on_header_field(llhttp_t* parser, const char* at, std::size_t length) {
  Gathered& into = gathered(parser);
  if (!into.in_header) {
    if (into.headers_count == into.headers.size()) {
      into.too_many = true;
      return HPE_USER;
    }
    into.headers[into.headers_count++] = Header{};
    into.in_header = true;
  }
  extend(into.headers[into.headers_count - 1].name, at, length);
  return HPE_OK;
}

int on_header_value(llhttp_t* parser, const char* at, std::size_t length) {
  Gathered& into = gathered(parser);
  if (into.in_header) extend(into.headers[into.headers_count - 1].value, at, length);
  return HPE_OK;
}

int on_header_value_complete(llhttp_t* parser) {
  Gathered& into = gathered(parser);
  if (into.in_header) {
    std::string_view& value = into.headers[into.headers_count - 1].value;
    while (value.ends_with(' ') || value.ends_with('\t')) value.remove_suffix(1);
  }
  into.in_header = false;
  return HPE_OK;
}

int on_headers_complete(llhttp_t* parser) {
  Gathered& into = gathered(parser);
  into.complete = true;
  into.flags = parser->flags;
  into.content_length = parser->content_length;
  into.keep_alive = llhttp_should_keep_alive(parser) != 0 && (parser->flags & F_CONNECTION_CLOSE) == 0;
  return HPE_PAUSED;  // the head is all that was handed over, and all that is wanted
}

const llhttp_settings_t& settings() {
  static const llhttp_settings_t instance = [] {
    llhttp_settings_t made{};
    llhttp_settings_init(&made);
    made.on_header_field = on_header_field;
    made.on_header_value = on_header_value;
    made.on_header_value_complete = on_header_value_complete;
    made.on_headers_complete = on_headers_complete;
    return made;
  }();
  return instance;
}

HeadError malformed(std::string_view message) {
  return {ErrorReason::malformed_request, message};
}

HeadError error_of(const Gathered& head, llhttp_errno_t error) {
  if (head.too_many) return {ErrorReason::headers_too_many, "too many headers"};
  switch (error) {
    case HPE_INVALID_METHOD:
      return {ErrorReason::method_unsupported, "unknown method"};
    case HPE_INVALID_URL:
      return malformed("the target is not a valid URL");
    case HPE_INVALID_CONTENT_LENGTH:
      return malformed("Content-Length is not a number");
    case HPE_UNEXPECTED_CONTENT_LENGTH:
      return malformed("Content-Length twice, or together with Transfer-Encoding");
    case HPE_INVALID_TRANSFER_ENCODING:
      return malformed("Transfer-Encoding does not end with chunked");
    default:
      return malformed("the request is not valid HTTP/1.1");
  }
}

/// Judges what llhttp lets pass.
std::optional<HeadError> check(const RequestView& request, const Gathered& head) {
  std::size_t hosts_count = 0;
  bool transfer_encoding = false;
  for (const Header& header : request.headers) {
    if (!is_token(header.name)) return malformed("a header's name is not a token");
    if (equals_ignoring_case(header.name, "host")) ++hosts_count;
    if (equals_ignoring_case(header.name, "transfer-encoding")) transfer_encoding = true;
  }
  if (hosts_count > 1 || (hosts_count == 0 && !request.http_1_0))
    return malformed("expected exactly one Host header");
  if (transfer_encoding && (head.flags & F_CHUNKED) == 0)
    return malformed("Transfer-Encoding does not end with chunked");
  if (transfer_encoding && (head.flags & F_CONTENT_LENGTH) != 0)
    return malformed("Content-Length together with Transfer-Encoding");
  return std::nullopt;
}

}  // namespace

std::optional<HeadError> parse_head(std::string_view head, std::span<Header> headers, RequestView& request) {
  const auto line = parse_request_line(head.substr(0, head.find('\r')));
  if (!line) return line.error();
  // A tunnel is the one request whose answer would change the protocol.
  if (line->method == "CONNECT") return HeadError{ErrorReason::method_unsupported, "no CONNECT here"};

  Gathered into{.headers = headers};
  llhttp_t parser{};
  llhttp_init(&parser, HTTP_REQUEST, &settings());
  parser.data = &into;
  const llhttp_errno_t error = llhttp_execute(&parser, head.data(), head.size());
  if (error != HPE_PAUSED || !into.complete) return error_of(into, error);

  request = RequestView{.method = line->method,
                        .path = line->path,
                        .query = line->query,
                        .headers = headers.first(into.headers_count),
                        .http_1_0 = line->http_1_0,
                        .keep_alive = into.keep_alive,
                        .body_owed = (into.flags & F_CHUNKED) != 0 || into.content_length > 0,
                        .chunked = (into.flags & F_CHUNKED) != 0,
                        .content_length = into.content_length};
  return check(request, into);
}

}  // namespace starling::http
