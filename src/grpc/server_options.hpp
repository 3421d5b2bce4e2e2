/// The bounds of a gRPC server. What happens at each of them is tested, and counted in `Counters`.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace starling::grpc {

struct ServerOptions {
  /// With one more, a connection that is missed less is closed for the newcomer.
  std::size_t connections_max = 10'000;
  int accept_queue_max = 1024;  ///< connections that wait in the kernel
  /// Calls under way on one connection, as SETTINGS tell the client. A proxy sends all its requests through
  /// few connections, each open for a round trip.
  std::uint32_t calls_per_connection_max = 4'096;
  /// Calls under way on all connections; above it a call is refused with REFUSED_STREAM, which says that
  /// nothing was done and that it may be asked again.
  std::size_t calls_max = 65'536;

  std::uint32_t header_list_bytes_max =
      16 * 1024;  ///< of one call: names, values, and 32 for each (RFC 9113)
  std::size_t message_bytes_max = std::size_t{64} * 1024;
  /// Messages that are not answered yet and answers that are not out yet, of one connection and of all. Above
  /// it a call is answered RESOURCE_EXHAUSTED.
  std::size_t buffered_bytes_per_connection_max = std::size_t{1024} * 1024;
  std::size_t buffered_bytes_max = std::size_t{64} * 1024 * 1024;
  /// What each connection may have of these even when others have taken all: room for a message or a few, so
  /// that nobody can keep the others from asking.
  std::size_t buffered_bytes_share = std::size_t{4} * 1024;

  std::uint32_t stream_window_bytes = 128 * 1024;  ///< a whole message and more, so that none has to wait
  std::int32_t connection_window_bytes = 1024 * 1024;
  /// Read from one connection before the others get their turn: some 200 requests, well below a millisecond.
  std::size_t read_bytes_per_turn_max = std::size_t{16} * 1024;
  /// With more than this unsent, nothing more of the connection is read. What crosses it is sent whole.
  std::size_t output_bytes_max = std::size_t{256} * 1024;
  std::size_t linger_bytes_max = std::size_t{1024} * 1024;  ///< thrown away unread after the last answer

  /// Clients that give up after 20 ms, as Envoy does, reset a stream for each late answer; and some reset
  /// each stream that they are done with. Answers are made at once here, so a reset saves an attacker
  /// nothing, and these only stop what is no client any more.
  std::uint64_t resets_burst_max = 100'000;
  std::uint64_t resets_per_s_max = 50'000;

  std::chrono::milliseconds preface_timeout{10'000};  ///< from the connection to the client's SETTINGS
  /// From a call's headers until its answer is with the client. A call whose message is not whole by then is
  /// answered, and has as long again to take that.
  std::chrono::milliseconds call_timeout{10'000};
  /// A client whose call or answer has been under way for longer may be closed for a newcomer.
  std::chrono::milliseconds slow_evictable_after{5'000};
  std::chrono::milliseconds output_timeout{60'000};  ///< without any progress in sending
  /// After this long without a new frame the client is asked by PING whether it is there, and within headers
  /// after `call_timeout`. gRPC clients keep idle connections for hours, so silence alone is no reason to
  /// close.
  std::chrono::milliseconds keepalive_interval{300'000};
  std::chrono::milliseconds keepalive_timeout{20'000};  ///< for the answer to that
  /// After this long, give or take a tenth, the client is sent to connect anew, so that it finds nodes that
  /// came later. 0: never.
  std::chrono::milliseconds connection_age_max{1'800'000};
  /// How long a drain lets new connections in, before it sends them away too.
  std::chrono::milliseconds drain_accept_timeout{1'000};
  /// Between the two GOAWAYs, unless the client says earlier that it has read the first.
  std::chrono::milliseconds goaway_notice_timeout{1'000};
  /// From the second GOAWAY until the calls that are under way are given up.
  std::chrono::milliseconds goaway_timeout{10'000};
  std::chrono::milliseconds linger_timeout{2'000};  ///< for the client to close after the last answer
};

}  // namespace starling::grpc
