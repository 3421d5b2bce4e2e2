/// Which attributes of a request a check is made with, beyond what the question says itself: the setting
/// `--attributes`, read once into a value.
///
/// A comma list. `principal=X-User|X-Api-Key` takes the first of the two headers that is there;
/// `client_ip=@client_ip` takes what the node finds out about the request, and as the two names are the same
/// `client_ip` says it too. There is no default map: entries that nobody asked for would break rules with
/// `exact: true`, and a header is worth what the gateway in front does with it, which only the operator
/// knows.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

namespace starling {

inline constexpr std::size_t attributes_max = 16;
inline constexpr std::size_t attribute_sources_max = 8;  ///< of one attribute
inline constexpr std::size_t attribute_name_bytes_max = 64;
inline constexpr std::uint8_t trusted_hops_max = 32;

/// What is known of a request without asking for one header by name.
enum class RequestFact : std::uint8_t { client_ip, method, host, path, scheme };

inline constexpr std::array request_facts{RequestFact::client_ip, RequestFact::method, RequestFact::host,
                                          RequestFact::path, RequestFact::scheme};

/// As it is said behind the '@'.
std::string_view name(RequestFact fact);

struct AttributeSource {
  std::optional<RequestFact> fact;
  std::string header;  ///< the name of one; empty if it is a fact

  friend bool operator==(const AttributeSource&, const AttributeSource&) = default;
};

struct Attribute {
  std::string key;
  std::vector<AttributeSource> sources;  ///< the first that is there wins

  friend bool operator==(const Attribute&, const Attribute&) = default;
};

class AttributeMap {
 public:
  AttributeMap() = default;

  /// Reads a list as above, or "none". Error: what was expected, and what was found.
  static tl::expected<AttributeMap, std::string> parse(std::string_view text);

  std::span<const Attribute> attributes() const { return attributes_; }  ///< each key once
  bool empty() const { return attributes_.empty(); }
  bool asks(RequestFact fact) const;
  friend bool operator==(const AttributeMap&, const AttributeMap&) = default;

 private:
  std::vector<Attribute> attributes_;
};

}  // namespace starling
