#include "node/udp_socket.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

#include "base/check.hpp"

namespace starling {
namespace {

/// A datagram that waits for the kernel: owns its bytes and points at nobody.
struct SendRequest {
  uv_udp_send_t request{};
  std::vector<std::byte> bytes;
};

}  // namespace

tl::expected<void, int> UdpSocket::open(const Endpoint& endpoint) {
  auto initialised = std::make_unique<uv_udp_t>();
  const bool v4 = endpoint.address.is_v4();
  const unsigned flags = static_cast<unsigned>(v4 ? AF_INET : AF_INET6) | UV_UDP_RECVMMSG;
  int error = uv_udp_init_ex(loop_.get(), initialised.get(), flags);
  if (error != 0) return tl::unexpected(error);
  Handle<uv_udp_t> handle = adopt(std::move(initialised), this);

  const sockaddr_storage address = socket_address(endpoint);
  // `::` takes IPv4 too; any other IPv6 address cannot, so the flag does no harm.
  error = uv_udp_bind(handle.get(), reinterpret_cast<const sockaddr*>(&address), 0);
  if (error != 0) return tl::unexpected(error);
  int wanted = receive_buffer_bytes_wanted;
  uv_recv_buffer_size(reinterpret_cast<uv_handle_t*>(handle.get()), &wanted);  // may be cut; read back below
  int granted = 0;
  if (uv_recv_buffer_size(reinterpret_cast<uv_handle_t*>(handle.get()), &granted) == 0)
    receive_buffer_bytes_ = granted / 2;  // Linux reports twice what it gives to data

  sockaddr_storage bound{};
  int bound_bytes = sizeof bound;
  error = uv_udp_getsockname(handle.get(), reinterpret_cast<sockaddr*>(&bound), &bound_bytes);
  if (error != 0) return tl::unexpected(error);
  buffer_.resize(datagrams_per_call * chunk_bytes);
  error = uv_udp_recv_start(
      handle.get(),
      [](uv_handle_t* base, std::size_t, uv_buf_t* out) {
        auto* self = static_cast<UdpSocket*>(base->data);
        *out = self == nullptr
                   ? uv_buf_init(nullptr, 0)
                   : uv_buf_init(self->buffer_.data(), static_cast<unsigned>(self->buffer_.size()));
      },
      &UdpSocket::on_receive);
  if (error != 0) return tl::unexpected(error);
  local_ = endpoint_of(reinterpret_cast<const sockaddr*>(&bound));
  family_ = v4 ? SocketFamily::by_address : SocketFamily::v6_only;
  handle_ = std::move(handle);
  return {};
}

void UdpSocket::on_receive(uv_udp_t* handle, ssize_t bytes, const uv_buf_t* buffer, const sockaddr* from,
                           unsigned flags) {
  auto* self = static_cast<UdpSocket*>(handle->data);
  if (self == nullptr) return;
  if (bytes < 0) {
    ++self->counters_.receive_failed;  // e.g. an ICMP error for something we sent; the socket stays good
    return;
  }
  if (from == nullptr) return;  // nothing more to read, or the buffer comes back
  if ((flags & UV_UDP_PARTIAL) != 0) ++self->counters_.truncated;
  self->receiver_.on_datagram(
      *self, endpoint_of(from),
      {reinterpret_cast<const std::byte*>(buffer->base), static_cast<std::size_t>(bytes)});
}

void UdpSocket::receive_waiting() {
  uv_os_fd_t descriptor = -1;
  if (handle_ == nullptr || uv_fileno(reinterpret_cast<uv_handle_t*>(handle_.get()), &descriptor) != 0)
    return;
  std::array<mmsghdr, datagrams_per_call> messages{};
  std::array<iovec, datagrams_per_call> places;
  std::array<sockaddr_storage, datagrams_per_call> senders;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    places[i] = {.iov_base = buffer_.data() + i * chunk_bytes, .iov_len = chunk_bytes};
    messages[i].msg_hdr.msg_iov = &places[i];
    messages[i].msg_hdr.msg_iovlen = 1;
    messages[i].msg_hdr.msg_name = &senders[i];
    messages[i].msg_hdr.msg_namelen = sizeof senders[i];
  }
  const int count = recvmmsg(descriptor, messages.data(), messages.size(), MSG_DONTWAIT, nullptr);
  if (count < 0) {
    if (errno != EAGAIN && errno != EINTR) ++counters_.receive_failed;
    return;
  }
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
    if ((messages[i].msg_hdr.msg_flags & MSG_TRUNC) != 0) ++counters_.truncated;
    receiver_.on_datagram(*this, endpoint_of(reinterpret_cast<const sockaddr*>(&senders[i])),
                          {reinterpret_cast<const std::byte*>(places[i].iov_base), messages[i].msg_len});
  }
}

void UdpSocket::send(const Endpoint& to, std::span<const std::byte> bytes) {
  STARLING_CHECK(handle_ != nullptr);
  const sockaddr_storage address = socket_address(to, family_);
  const auto* where = reinterpret_cast<const sockaddr*>(&address);
  uv_buf_t buffer = uv_buf_init(const_cast<char*>(reinterpret_cast<const char*>(bytes.data())),
                                static_cast<unsigned>(bytes.size()));
  const int sent = uv_udp_try_send(handle_.get(), &buffer, 1, where);
  if (sent >= 0) return;
  if (sent != UV_EAGAIN) {
    ++counters_.send_failed;
    return;
  }
  if (uv_udp_get_send_queue_size(handle_.get()) + bytes.size() > send_queue_bytes_max) {
    ++counters_.send_dropped;
    return;
  }
  ++counters_.send_queued;
  auto pending = std::make_unique<SendRequest>();
  pending->bytes.assign(bytes.begin(), bytes.end());
  pending->request.data = pending.get();
  buffer.base = reinterpret_cast<char*>(pending->bytes.data());
  const int queued =
      uv_udp_send(&pending->request, handle_.get(), &buffer, 1, where,
                  [](uv_udp_send_t* request, int) { delete static_cast<SendRequest*>(request->data); });
  if (queued == 0) {
    (void)pending.release();  // the callback has it now
  } else {
    ++counters_.send_failed;
  }
}

}  // namespace starling
