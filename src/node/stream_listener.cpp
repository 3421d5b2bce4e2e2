#include "node/stream_listener.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <utility>

#include "node/socket_address.hpp"

namespace starling {
Endpoint client_of(const ClientStream& stream) {
  sockaddr_storage client{};
  int client_bytes = sizeof client;
  if (stream.stream.type != UV_TCP) return {};
  if (uv_tcp_getpeername(&stream.tcp, reinterpret_cast<sockaddr*>(&client), &client_bytes) != 0) return {};
  return endpoint_of(reinterpret_cast<const sockaddr*>(&client));
}

bool has_unread_input(const ClientStream& stream) {
  uv_os_fd_t fd = -1;
  int unread_bytes = 0;
  return uv_fileno(reinterpret_cast<const uv_handle_t*>(&stream), &fd) == 0 &&
         ioctl(fd, FIONREAD, &unread_bytes) == 0 && unread_bytes > 0;
}

tl::expected<Endpoint, int> StreamListener::listen(const Endpoint& endpoint, int queue_max) {
  auto made = std::make_unique<ClientStream>();
  if (const int error = uv_tcp_init(loop_.get(), &made->tcp); error != 0) return tl::unexpected<int>(error);
  Handle<ClientStream> listener = adopt_stream(std::move(made), this);
  const sockaddr_storage address = socket_address(endpoint);
  if (const int error = uv_tcp_bind(&listener->tcp, reinterpret_cast<const sockaddr*>(&address), 0);
      error != 0)
    return tl::unexpected<int>(error);
  // libuv reports an address in use here, not at bind.
  if (const int error = uv_listen(&listener->stream, queue_max, on_uv_connection); error != 0)
    return tl::unexpected<int>(error);
  sockaddr_storage local{};
  int local_bytes = sizeof local;
  if (const int error = uv_tcp_getsockname(&listener->tcp, reinterpret_cast<sockaddr*>(&local), &local_bytes);
      error != 0)
    return tl::unexpected<int>(error);
  listener_ = std::move(listener);
  queue_max_ = queue_max;
  return endpoint_of(reinterpret_cast<const sockaddr*>(&local));
}

tl::expected<void, std::string> StreamListener::listen_unix(const UnixAddress& address, int queue_max) {
  auto made = std::make_unique<ClientStream>();
  const auto failed = [&](int error) {
    return tl::unexpected(fmt::format("{}: cannot listen: {}", address.path, uv_strerror(error)));
  };
  if (const int error = uv_pipe_init(loop_.get(), &made->pipe, 0); error != 0) return failed(error);
  Handle<ClientStream> listener = adopt_stream(std::move(made), this);
  // Not uv_pipe_bind: libuv would remove the path at close, whosever it is by then.
  auto opened = open_unix_socket(address, queue_max);
  if (!opened) return tl::unexpected(opened.error());
  if (const int error = uv_pipe_open(&listener->pipe, opened->fd); error != 0) {
    remove_unix_path(*opened);
    ::close(opened->fd);
    return failed(error);
  }
  if (const int error = uv_listen(&listener->stream, queue_max, on_uv_connection); error != 0) {
    remove_unix_path(*opened);
    return failed(error);
  }
  listener_ = std::move(listener);
  queue_max_ = queue_max;
  unix_socket_ = std::move(*opened);
  return {};
}

void StreamListener::close() {
  remove_unix_path(unix_socket_);  // first: while it listens nobody takes the path over
  unix_socket_ = {};
  listener_.reset();
}

void StreamListener::accept_and_close() {
  remove_unix_path(unix_socket_);
  unix_socket_ = {};
  accept_queued();
  close();
}

void StreamListener::accept_queued() {
  uv_os_fd_t listening = -1;
  if (!listener_ || uv_fileno(reinterpret_cast<uv_handle_t*>(listener_.get()), &listening) != 0) return;
  // The kernel queues one more than it was told. Those that come meanwhile must not keep us here for ever.
  for (int left = queue_max_ + 1; left > 0; --left) {
    const int fd = accept4(listening, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0 && (errno == EINTR || errno == ECONNABORTED)) continue;
    if (fd < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
    if (fd < 0) return acceptor_.on_accept_failed(uv_translate_sys_error(errno));
    Handle<ClientStream> accepted = make_stream();
    int error = UV_ENOMEM;
    if (accepted)
      error = accepted->stream.type == UV_TCP ? uv_tcp_open(&accepted->tcp, fd)
                                              : uv_pipe_open(&accepted->pipe, fd);
    if (error == 0) {
      welcome(std::move(accepted));
      continue;
    }
    ::close(fd);
    if (accepted) acceptor_.on_accept_failed(error);
  }
}

void StreamListener::on_uv_connection(uv_stream_t* stream, int status) {
  if (auto* self = static_cast<StreamListener*>(stream->data)) self->on_connection(status);
}

void StreamListener::on_connection(int status) {
  if (status != 0) return acceptor_.on_accept_failed(status);
  Handle<ClientStream> accepted = make_stream();
  if (!accepted) return;
  if (const int error = uv_accept(&listener_->stream, &accepted->stream); error != 0)
    return acceptor_.on_accept_failed(error);
  welcome(std::move(accepted));
}

Handle<ClientStream> StreamListener::make_stream() {
  auto made = std::make_unique<ClientStream>();
  const int error = listener_->stream.type == UV_TCP ? uv_tcp_init(loop_.get(), &made->tcp)
                                                     : uv_pipe_init(loop_.get(), &made->pipe, 0);
  if (error == 0) return adopt_stream(std::move(made), nullptr);
  acceptor_.on_accept_failed(error);
  return nullptr;
}

void StreamListener::welcome(Handle<ClientStream> accepted) {
  // Answers are whole when they are written; if it fails, they only come later.
  if (accepted->stream.type == UV_TCP) uv_tcp_nodelay(&accepted->tcp, 1);
  acceptor_.on_connection(std::move(accepted));
}

}  // namespace starling
