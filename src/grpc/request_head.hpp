/// What the headers of a call say, as far as anybody here wants to know.
///
/// Ignored on purpose: `grpc-timeout`, because answers are made at once, so a client that waits at all waits
/// long enough; `te: trailers`, which some proxies drop although trailers pass them; all metadata.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace starling::grpc {

inline constexpr std::size_t shown_path_bytes_max = 120;

struct RequestHead {
  bool is_post = false;
  bool is_grpc = false;          ///< content-type is application/grpc or application/grpc+proto
  std::size_t list_bytes = 0;    ///< size as of RFC 9113, section 6.5.2
  std::string path;              ///< for messages, cut to `shown_path_bytes_max`
  std::string message_encoding;  ///< for messages, cut as well

  /// Takes all but `:path`.
  void take(std::string_view name, std::string_view value);
  void reset();
};

/// "application/grpc", "application/grpc+proto", either with parameters, in upper or lower case.
bool is_grpc_content_type(std::string_view value);

}  // namespace starling::grpc
