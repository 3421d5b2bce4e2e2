/// The bounds of a server. What happens at each of them is tested, and counted in `Counters`.
#pragma once

#include <chrono>
#include <cstddef>
#include <string_view>

namespace starling::http {

struct ServerOptions {
  std::string_view name = "http";                         ///< in `FrontEndStatus`; static text
  std::size_t header_bytes_max = std::size_t{16} * 1024;  ///< request line and headers of one request
  std::size_t headers_count_max = 64;                     ///< of one request
  /// With one more, whoever is missed least is closed for the newcomer.
  std::size_t connections_max = 10'000;
  std::size_t requests_per_turn_max = 64;  ///< of one connection, before the others get their turn
  /// When the requests of all connections have taken so long in one turn of the loop, the rest wait for the
  /// next one, after whatever else has come meanwhile. 0: they do not.
  std::chrono::nanoseconds turn_time_max{0};
  /// With more than this unsent, no further request of the connection is read or answered. The answer that
  /// crosses the bound is still sent whole.
  std::size_t output_bytes_max = std::size_t{256} * 1024;
  /// Answers of all connections that are in memory because their clients do not take them. Above it an answer
  /// of more than `small_answer_bytes_max` becomes 503, and a connection that has any unsent is not read, so
  /// that probes and checks go on: of each connection there is one such answer beyond the bound.
  std::size_t unsent_bytes_max = std::size_t{64} * 1024 * 1024;
  std::size_t small_answer_bytes_max = std::size_t{8} * 1024;  ///< the body
  std::size_t linger_bytes_max = std::size_t{1024} * 1024;     ///< thrown away unread after the last answer
  int accept_queue_max = 1024;                                 ///< connections that wait in the kernel

  /// Between two requests, and without any progress in sending.
  std::chrono::milliseconds idle_timeout{60'000};
  /// From a request's first byte to the end of its headers, and again to the end of its body if that is read.
  std::chrono::milliseconds header_timeout{10'000};
  /// From the beginning of a drain on: what `idle_timeout` is then, and how long new connections are let in.
  std::chrono::milliseconds drain_idle_timeout{1'000};
  /// Being sent for longer, a request is drawn out, and worth less than a connection that may be used again.
  std::chrono::milliseconds slow_evictable_after{1'000};
  /// A client that has not taken its whole answer by then may be closed for a newcomer.
  std::chrono::milliseconds unread_evictable_after{5'000};
  /// For the client to close after the last answer.
  std::chrono::milliseconds linger_timeout{2'000};
};

}  // namespace starling::http
