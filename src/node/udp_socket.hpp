/// One UDP port of a node.
///
/// Receives many datagrams per system call (recvmmsg) into one buffer that is kept. Sends at once; what the
/// kernel does not take at once is queued up to a bound, and beyond that dropped and counted: gossip repeats
/// itself, and a queue of stale counts helps nobody.
#pragma once

#include <uv.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "base/endpoint.hpp"
#include "node/handle.hpp"
#include "node/loop.hpp"
#include "node/socket_address.hpp"

namespace starling {

class UdpSocket {
 public:
  class Receiver {
   public:
    virtual void on_datagram(UdpSocket& socket, const Endpoint& from, std::span<const std::byte> bytes) = 0;

   protected:
    ~Receiver() = default;
  };

  struct Counters {
    std::uint64_t send_queued = 0;   ///< the kernel did not take it at once
    std::uint64_t send_dropped = 0;  ///< nor was there room in the queue
    std::uint64_t send_failed = 0;   ///< the kernel refused it: no route, no such network
    std::uint64_t receive_failed = 0;
    std::uint64_t truncated = 0;  ///< received, but longer than the buffer
  };

  /// `loop` and `receiver` must outlive the socket.
  UdpSocket(Loop& loop, Receiver& receiver) : loop_(loop), receiver_(receiver) {}

  /// Binds and starts to receive. Error: a libuv error number; the socket may be opened again.
  tl::expected<void, int> open(const Endpoint& endpoint);

  void send(const Endpoint& to, std::span<const std::byte> bytes);

  /// Receives at once what lies in the kernel already, `datagrams_per_call` of it at most, and hands it to
  /// the receiver. Not from within the receiver.
  void receive_waiting();

  const Endpoint& local_endpoint() const { return local_; }
  /// What the kernel granted, in bytes; it may be less than `receive_buffer_bytes_wanted`.
  int receive_buffer_bytes() const { return receive_buffer_bytes_; }
  const Counters& counters() const { return counters_; }

  /// Holds 3,000 full datagrams while the loop is busy elsewhere; the usual default holds 92.
  static constexpr int receive_buffer_bytes_wanted = 4 * 1024 * 1024;

 private:
  static constexpr std::size_t datagrams_per_call = 20;               // libuv's own bound
  static constexpr std::size_t chunk_bytes = std::size_t{64} * 1024;  // libuv's fixed chunk
  static constexpr std::size_t send_queue_bytes_max = std::size_t{1024} * 1024;

  static void on_receive(uv_udp_t* handle, ssize_t bytes, const uv_buf_t* buffer, const sockaddr* from,
                         unsigned flags);

  Loop& loop_;
  Receiver& receiver_;
  Handle<uv_udp_t> handle_;
  std::vector<char> buffer_;
  Endpoint local_;
  SocketFamily family_ = SocketFamily::by_address;
  int receive_buffer_bytes_ = 0;
  Counters counters_;
};

}  // namespace starling
