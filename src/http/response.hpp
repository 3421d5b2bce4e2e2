/// An answer in the making. One object serves all requests of a server, so its buffers soon stop growing and
/// a usual answer allocates nothing.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/text_buffer.hpp"
#include "frontend/header_sink.hpp"

namespace starling::http {

class Response final : public HeaderSink {
 public:
  Response& set_status(int status);
  int status() const { return status_; }

  /// Content-Length and Connection are not to be given: the server knows them. Control characters in `value`
  /// become spaces, so that no value can forge another header.
  Response& add_header(std::string_view name, std::string_view value);
  Response& add_header(std::string_view name, std::uint64_t value);
  TextBuffer& begin_header(const HeaderName& name) override;
  void end_header() override;
  void add(const HeaderName& name, std::string_view value) override;

  /// The body, to be appended to, for instance with fmt::format_to(std::back_inserter(...)).
  std::string& body() { return body_; }
  const std::string& body() const { return body_; }

  /// Body and Content-Type together.
  Response& set_text(std::string_view body);
  Response& set_json(std::string_view body);
  /// The form of all our errors: `{"message":"..."}`.
  Response& set_message(int status, std::string_view message);

  /// Closes the connection after this answer.
  Response& close_after();
  bool closes() const { return closes_; }

  void clear();

  struct Framing {
    bool head_only = false;  ///< the request was HEAD
    bool keep_alive = true;  ///< the connection stays open after this answer
    bool http_1_0 = false;   ///< the request was HTTP/1.0, where keeping alive must be said
  };
  /// Writes the whole answer at the end of `out`.
  void append_to(std::string& out, const Framing& framing) const;

 private:
  int status_ = 200;
  bool closes_ = false;
  TextBuffer headers_;  ///< complete lines
  std::string body_;
};

}  // namespace starling::http
