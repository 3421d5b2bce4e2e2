#include "http/response.hpp"

#include <array>
#include <charconv>

#include "base/json_text.hpp"

namespace starling::http {
namespace {

/// What a buffer may keep between two answers. A rare answer of megabytes is not held on to.
constexpr std::size_t kept_bytes_max = std::size_t{256} * 1024;

std::string_view phrase(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 204:
      return "No Content";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "";  // a phrase may be empty (RFC 9112, section 4)
  }
}

void append_number(std::string& out, std::uint64_t number) {
  std::array<char, 20> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  out.append(digits.data(), end);
}

}  // namespace

Response& Response::set_status(int status) {
  status_ = status;
  return *this;
}

Response& Response::add_header(std::string_view name, std::string_view value) {
  headers_.append(name, ": ");
  for (const char c : value) headers_ += (c >= 0 && c < ' ') || c == '\x7f' ? ' ' : c;
  headers_.append("\r\n");
  return *this;
}

Response& Response::add_header(std::string_view name, std::uint64_t value) {
  headers_.append(name, ": ");
  headers_.append_number(value);
  headers_.append("\r\n");
  return *this;
}

TextBuffer& Response::begin_header(const HeaderName& name) {
  headers_.append(name.text(), ": ");
  return headers_;
}

void Response::end_header() {
  headers_.append("\r\n");
}

Response& Response::set_text(std::string_view body) {
  body_ = body;
  return add_header("Content-Type", "text/plain; charset=utf-8");
}

Response& Response::set_json(std::string_view body) {
  body_ = body;
  return add_header("Content-Type", "application/json");
}

Response& Response::set_message(int status, std::string_view message) {
  status_ = status;
  body_ = R"({"message":)";
  append_json_string(body_, message);
  body_ += '}';
  return add_header("Content-Type", "application/json");
}

Response& Response::close_after() {
  closes_ = true;
  return *this;
}

void Response::clear() {
  status_ = 200;
  closes_ = false;
  headers_.clear(kept_bytes_max);
  body_.clear();
  if (body_.capacity() > kept_bytes_max) body_.shrink_to_fit();
}

void Response::append_to(std::string& out, const Framing& framing) const {
  if (status_ == 200) {  // as most are
    out += "HTTP/1.1 200 OK\r\n";
  } else {
    out += "HTTP/1.1 ";
    append_number(out, static_cast<std::uint64_t>(status_));
    out += ' ';
    out += phrase(status_);
    out += "\r\n";
  }
  out += headers_.view();
  // These statuses end with their headers, whatever a length would say (RFC 9112, section 6.3).
  const bool bodiless = status_ == 204 || status_ == 304 || status_ < 200;
  if (!bodiless) {
    out += "Content-Length: ";
    append_number(out, body_.size());
    out += "\r\n";
  }
  if (!framing.keep_alive)
    out += "Connection: close\r\n";
  else if (framing.http_1_0)
    out += "Connection: keep-alive\r\n";
  out += "\r\n";
  if (!bodiless && !framing.head_only) out += body_;
}

}  // namespace starling::http
