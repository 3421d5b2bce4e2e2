/// A `RateLimitRequest` of Envoy's Rate Limit Service (v3), from whatever encoding, and what it asks.
///
/// A reader of protobuf or JSON fills it field by field, in the order in which they come; `read` then tells
/// what is asked, or what is wrong. One object serves all requests, so a usual one allocates nothing. Bounds
/// are kept while filling: what is beyond them is not stored.
///
/// Keys and values are bytes and need not be UTF-8, although proto3 says so. They come from headers that
/// clients choose, and a gateway passes a request that was refused here as an error: one odd byte would buy
/// freedom from every limit.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "starling/request.hpp"

namespace starling {

inline constexpr std::size_t rls_message_bytes_max = std::size_t{64} * 1024;
inline constexpr std::size_t rls_entries_max = 32;  ///< of one descriptor

class RlsRequest {
 public:
  /// `RateLimitDescriptor.limit`, with the numbers as they came.
  struct Override {
    std::uint32_t requests_per_unit = 0;
    std::uint32_t unit = 0;
  };

  RlsRequest();

  void clear();

  // All views must stay valid until the request is decided.
  void set_domain(std::string_view domain) { domain_ = domain; }
  /// 0 is as good as nothing, and means 1.
  void set_hits_addend(std::uint32_t hits) { hits_addend_ = hits; }

  void begin_descriptor();
  // These belong to the descriptor that was begun last; there is one.
  void add_entry(std::string_view key, std::string_view value);
  /// Its limit, which it has from now on.
  Override& limit();
  /// Its own hits, which it has from now on: 0 only looks.
  std::uint64_t& hits();
  /// Hits are to be given back (`is_negative_hits`). Counters that many nodes merge only grow, so nothing is
  /// given back; but nothing is counted either.
  void set_gives_back(bool gives_back) { descriptor().gives_back = gives_back; }

  std::size_t descriptors_count() const { return descriptors_count_; }

  /// Views into this and what it was filled with. Error: what was expected and what was found.
  tl::expected<Request, std::string> read();

 private:
  struct Part {
    std::size_t entries_begin = 0;
    std::size_t entries_count = 0;
    std::optional<Override> limit = {};
    std::optional<std::uint64_t> hits = {};
    bool gives_back = false;
  };

  /// With too many descriptors the last one that fits: the request is refused, whatever it becomes.
  Part& descriptor() { return parts_[descriptors_count_ - 1]; }

  std::string_view domain_;
  std::uint32_t hits_addend_ = 0;
  std::array<Part, descriptors_per_request_max> parts_;
  std::size_t descriptors_count_ = 0;
  std::vector<Entry> entries_;
  bool too_many_descriptors_ = false;
  std::optional<std::size_t> overfull_;  ///< the first descriptor with too many entries
  std::array<Descriptor, descriptors_per_request_max> descriptors_;
};

}  // namespace starling
