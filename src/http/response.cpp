#include "http/response.hpp"

#include <fmt/format.h>

#include <array>
#include <cstring>

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
  const fmt::format_int digits(number);
  out.append(digits.data(), digits.size());
}

void append_status_line(std::string& out, int status) {
  if (status == 200) {  // as most are
    out += std::string_view("HTTP/1.1 200 OK\r\n");
    return;
  }
  if (status == 429) {
    out += std::string_view("HTTP/1.1 429 Too Many Requests\r\n");
    return;
  }
  out += "HTTP/1.1 ";
  append_number(out, static_cast<std::uint64_t>(status));
  out += ' ';
  out += phrase(status);
  out += "\r\n";
}

/// Content-Length with all digits of a size, the longer Connection, and the end of the headers.
constexpr std::size_t tail_bytes_max =
    std::string_view("Content-Length: \r\nConnection: keep-alive\r\n\r\n").size() + 20;

char* put(char* at, std::string_view text) {
  std::memcpy(at, text.data(), text.size());
  return at + text.size();
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
  headers_.append_padded(name.line(), name.line_bytes());
  return headers_;
}

void Response::add(const HeaderName& name, std::string_view value) {
  headers_.append_padded(name.line(), name.line_bytes());
  headers_.append(value, "\r\n");
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
  append_status_line(out, status_);
  out += headers_.view();
  // These statuses end with their headers, whatever a length would say (RFC 9112, section 6.3).
  const bool bodiless = status_ == 204 || status_ == 304 || status_ < 200;
  std::array<char, tail_bytes_max> tail;
  char* end = tail.data();
  if (!bodiless) {
    const fmt::format_int length(body_.size());
    end = put(end, "Content-Length: ");
    end = put(end, {length.data(), length.size()});
    end = put(end, "\r\n");
  }
  if (!framing.keep_alive)
    end = put(end, "Connection: close\r\n");
  else if (framing.http_1_0)
    end = put(end, "Connection: keep-alive\r\n");
  end = put(end, "\r\n");
  out.append(tail.data(), static_cast<std::size_t>(end - tail.data()));
  if (!bodiless && !framing.head_only) out += body_;
}

}  // namespace starling::http
