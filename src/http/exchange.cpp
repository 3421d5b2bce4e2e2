#include "http/exchange.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <utility>

#include "node/socket_address.hpp"

namespace starling::http {
namespace {

constexpr std::size_t read_bytes_max = std::size_t{64} * 1024;
constexpr std::size_t addresses_max = 16;  ///< of one name; more are not tried

/// A write in progress owns its bytes.
struct Write {
  uv_write_t request{};
  std::string bytes;
};

Exchange& exchange_of(llhttp_t* parser) {
  return *static_cast<Exchange*>(parser->data);
}

template <class H>
Exchange* exchange_of(const H* handle) {
  return static_cast<Exchange*>(handle->data);
}

}  // namespace

/// A lookup cannot be called off once a thread works on it, so it can outlive the exchange.
struct Exchange::Resolving {
  uv_getaddrinfo_t request{};
  Exchange* owner = nullptr;
};

Exchange::Exchange(Loop& loop, const Url& url, const ClientOptions& options)
    : loop_(loop), url_(url), options_(options), read_buffer_(read_bytes_max) {
  llhttp_init(&parser_, HTTP_RESPONSE, &settings());
  parser_.data = this;
}

Exchange::~Exchange() {
  finish();
}

void Exchange::start() {
  uv_update_time(loop_.get());
  deadline_ms_ = uv_now(loop_.get()) +
                 static_cast<std::uint64_t>(std::max<std::int64_t>(options_.total_timeout.count(), 1));
  auto timer = std::make_unique<uv_timer_t>();
  uv_timer_init(loop_.get(), timer.get());
  timer_ = adopt(std::move(timer), this);
  arm(options_.total_timeout);
  if (const auto address = Address::parse(url_.host)) {
    addresses_.push_back(socket_address({.address = *address, .port = url_.port}));
    connect_next();
  } else {
    resolve();
  }
}

tl::expected<ClientResponse, std::string> Exchange::take_result() {
  if (!error_.empty()) return tl::unexpected<std::string>(std::move(error_));
  return std::move(response_);
}

void Exchange::resolve() {
  auto resolving = std::make_unique<Resolving>();
  resolving->owner = this;
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  const auto on_done = [](uv_getaddrinfo_t* request, int status, addrinfo* found) {
    const std::unique_ptr<Resolving> done(reinterpret_cast<Resolving*>(request));
    if (done->owner != nullptr) {
      done->owner->resolving_ = nullptr;
      done->owner->on_resolved(status, found);
    }
    uv_freeaddrinfo(found);
  };
  const std::string service = std::to_string(url_.port);
  const int error =
      uv_getaddrinfo(loop_.get(), &resolving->request, on_done, url_.host.c_str(), service.c_str(), &hints);
  if (error != 0) return on_resolved(error, nullptr);
  resolving_ = resolving.release();
}

void Exchange::on_resolved(int status, const addrinfo* found) {
  for (const addrinfo* next = found; next != nullptr && addresses_.size() < addresses_max;
       next = next->ai_next) {
    if (next->ai_addrlen > sizeof(sockaddr_storage)) continue;
    sockaddr_storage address{};
    std::memcpy(&address, next->ai_addr, next->ai_addrlen);
    addresses_.push_back(address);
  }
  if (status != 0 || addresses_.empty())
    return fail(fmt::format("cannot resolve '{}': {}; is the host name in {} right?", url_.host,
                            status != 0 ? uv_strerror(status) : "it has no address", url_.server()));
  connect_next();
}

void Exchange::connect_next() {
  auto tcp = std::make_unique<uv_tcp_t>();
  if (const int error = uv_tcp_init(loop_.get(), tcp.get()); error != 0)
    return fail(cannot_connect(uv_strerror(error)));
  tcp_ = adopt(std::move(tcp), this);
  arm(options_.connect_timeout);
  auto request = std::make_unique<uv_connect_t>();
  const auto on_done = [](uv_connect_t* done, int status) {
    const std::unique_ptr<uv_connect_t> owned(done);
    if (Exchange* self = exchange_of(done->handle)) self->on_connected(status);
  };
  const auto* address = reinterpret_cast<const sockaddr*>(&addresses_[next_address_++]);
  const int error = uv_tcp_connect(request.get(), tcp_.get(), address, on_done);
  if (error != 0) return on_connect_failed(error);
  static_cast<void>(request.release());  // on_done has it now
}

void Exchange::on_connected(int status) {
  if (status != 0) return on_connect_failed(status);
  connected_ = true;
  arm(options_.total_timeout);
  send();
}

void Exchange::on_connect_failed(int status) {
  tcp_.reset();
  if (next_address_ < addresses_.size()) return connect_next();
  fail(cannot_connect(status == UV_ETIMEDOUT ? "it does not answer" : uv_strerror(status)));
}

std::string Exchange::request_bytes() const {
  std::string bytes = fmt::format(
      "{} {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: starling\r\nAccept: */*\r\nConnection: close\r\n",
      options_.method, url_.target, url_.authority());
  for (const auto& [name, value] : options_.headers) bytes += fmt::format("{}: {}\r\n", name, value);
  if (!options_.body.empty()) bytes += fmt::format("Content-Length: {}\r\n", options_.body.size());
  return bytes + "\r\n" + options_.body;
}

void Exchange::send() {
  auto write = std::make_unique<Write>();
  write->bytes = request_bytes();
  auto* stream = reinterpret_cast<uv_stream_t*>(tcp_.get());
  const uv_buf_t buffer = uv_buf_init(write->bytes.data(), static_cast<unsigned>(write->bytes.size()));
  // A write that fails is seen by the read as well, which may still find an answer.
  const auto on_written = [](uv_write_t* request, int) { delete reinterpret_cast<Write*>(request); };
  if (uv_write(&write->request, stream, &buffer, 1, on_written) == 0) static_cast<void>(write.release());
  const auto allocate = [](uv_handle_t* handle, std::size_t, uv_buf_t* into) {
    if (Exchange* self = exchange_of(handle))
      *into = uv_buf_init(self->read_buffer_.data(), static_cast<unsigned>(self->read_buffer_.size()));
  };
  const auto on_read = [](uv_stream_t* from, ssize_t count, const uv_buf_t*) {
    if (Exchange* self = exchange_of(from)) self->on_read(count);
  };
  if (const int error = uv_read_start(stream, allocate, on_read); error != 0)
    fail(cannot_connect(uv_strerror(error)));
}

void Exchange::on_read(ssize_t count) {
  if (count == 0) return;
  if (count == UV_EOF) return on_end_of_input();
  if (count < 0)
    return fail(
        fmt::format("lost the connection to {}: {}", url_.server(), uv_strerror(static_cast<int>(count))));
  received_bytes_ += static_cast<std::size_t>(count);
  if (received_bytes_ > options_.response_bytes_max)
    return fail(fmt::format("the answer of {} is longer than {} bytes; ask for less", url_.server(),
                            options_.response_bytes_max));
  const llhttp_errno_t error = llhttp_execute(&parser_, read_buffer_.data(), static_cast<std::size_t>(count));
  if (done_) return finish();
  if (error != HPE_OK)
    fail(fmt::format("{} does not answer in HTTP: {}; is that the port of a node?", url_.server(),
                     llhttp_get_error_reason(&parser_)));
}

void Exchange::on_end_of_input() {
  // An answer without a length ends with the connection.
  if (response_.status != 0 && !interim_ && llhttp_message_needs_eof(&parser_) != 0) llhttp_finish(&parser_);
  if (done_) return finish();
  fail(fmt::format("{} closed the connection before its answer was complete; try again", url_.server()));
}

void Exchange::on_timeout() {
  if (resolving_ != nullptr)
    return fail(fmt::format("cannot resolve '{}' within {} ms; does the name server answer?", url_.host,
                            options_.total_timeout.count()));
  if (connected_)
    return fail(fmt::format("no answer from {} within {} ms; is the node overloaded?", url_.server(),
                            options_.total_timeout.count()));
  if (uv_now(loop_.get()) >= deadline_ms_) next_address_ = addresses_.size();  // no time left for the others
  on_connect_failed(UV_ETIMEDOUT);
}

void Exchange::arm(std::chrono::milliseconds timeout) {
  const std::uint64_t now_ms = uv_now(loop_.get());
  const std::uint64_t left_ms = deadline_ms_ > now_ms ? deadline_ms_ - now_ms : 0;
  const auto wanted_ms = static_cast<std::uint64_t>(std::max<std::int64_t>(timeout.count(), 1));
  const auto on_timer = [](uv_timer_t* handle) {
    if (Exchange* self = exchange_of(handle)) self->on_timeout();
  };
  uv_timer_start(timer_.get(), on_timer, std::min(wanted_ms, left_ms), 0);
}

int Exchange::on_header_piece(std::string_view piece, bool value) {
  auto& headers = response_.headers;
  if (!value && in_value_) headers.emplace_back();
  in_value_ = value;
  if (headers.empty()) return HPE_OK;
  (value ? headers.back().second : headers.back().first).append(piece);
  return HPE_OK;
}

int Exchange::on_headers_complete() {
  response_.status = parser_.status_code;
  interim_ = response_.status / 100 == 1;
  return options_.method == "HEAD" ? 1 : 0;  // 1: no body follows, whatever the headers say
}

int Exchange::on_body(std::string_view piece) {
  response_.body.append(piece);
  return HPE_OK;
}

int Exchange::on_message_complete() {
  if (interim_) {
    response_ = ClientResponse{};
    in_value_ = true;
    return HPE_OK;
  }
  done_ = true;
  return HPE_PAUSED;
}

const llhttp_settings_t& Exchange::settings() {
  static const llhttp_settings_t instance = [] {
    llhttp_settings_t made{};
    llhttp_settings_init(&made);
    made.on_header_field = [](llhttp_t* parser, const char* at, std::size_t length) {
      return exchange_of(parser).on_header_piece({at, length}, false);
    };
    made.on_header_value = [](llhttp_t* parser, const char* at, std::size_t length) {
      return exchange_of(parser).on_header_piece({at, length}, true);
    };
    made.on_headers_complete = [](llhttp_t* parser) { return exchange_of(parser).on_headers_complete(); };
    made.on_body = [](llhttp_t* parser, const char* at, std::size_t length) {
      return exchange_of(parser).on_body({at, length});
    };
    made.on_message_complete = [](llhttp_t* parser) { return exchange_of(parser).on_message_complete(); };
    return made;
  }();
  return instance;
}

void Exchange::fail(std::string message) {
  error_ = std::move(message);
  finish();
}

void Exchange::finish() {
  if (resolving_ != nullptr) {
    resolving_->owner = nullptr;
    uv_cancel(reinterpret_cast<uv_req_t*>(&resolving_->request));
    resolving_ = nullptr;
  }
  tcp_.reset();
  timer_.reset();
}

std::string Exchange::cannot_connect(std::string_view why) const {
  return fmt::format("cannot connect to {}: {}; is `starling node` running there?", url_.server(), why);
}

}  // namespace starling::http
