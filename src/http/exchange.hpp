/// One request of the client and its answer: resolve, connect, send, read. Private to `fetch`.
///
/// Ends by closing its handles, which lets the loop run out; `take_result` then tells how it went. A total
/// time limit covers all of it, a shorter one each attempt to connect.
#pragma once

#include <llhttp.h>
#include <sys/socket.h>
#include <uv.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "http/client.hpp"
#include "node/handle.hpp"
#include "node/loop.hpp"

namespace starling::http {

class Exchange {
 public:
  Exchange(Loop& loop, const Url& url, const ClientOptions& options);
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;
  ~Exchange();

  void start();
  /// After the loop has run out.
  tl::expected<ClientResponse, std::string> take_result();

 private:
  struct Resolving;

  void resolve();
  void on_resolved(int status, const addrinfo* found);
  void connect_next();
  void on_connected(int status);
  void on_connect_failed(int status);
  std::string request_bytes() const;
  void send();
  void on_read(ssize_t count);
  void on_end_of_input();
  void on_timeout();
  void arm(std::chrono::milliseconds timeout);

  int on_header_piece(std::string_view piece, bool value);
  int on_headers_complete();
  int on_body(std::string_view piece);
  int on_message_complete();
  static const llhttp_settings_t& settings();

  void fail(std::string message);
  void finish();
  std::string cannot_connect(std::string_view why) const;

  Loop& loop_;
  const Url& url_;
  const ClientOptions& options_;
  std::uint64_t deadline_ms_ = 0;  ///< of uv_now, for everything
  std::vector<sockaddr_storage> addresses_;
  std::size_t next_address_ = 0;
  Resolving* resolving_ = nullptr;  ///< owned by the request in progress
  Handle<uv_tcp_t> tcp_;
  Handle<uv_timer_t> timer_;
  bool connected_ = false;
  llhttp_t parser_{};
  std::vector<char> read_buffer_;
  std::size_t received_bytes_ = 0;
  bool in_value_ = true;  ///< so that the first name starts a header
  bool interim_ = false;  ///< a 1xx answer: the real one follows
  bool done_ = false;
  ClientResponse response_;
  std::string error_;
};

}  // namespace starling::http
