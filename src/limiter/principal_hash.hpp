/// The key of a counter on the wire: a keyed hash over domain, rule name, window length and principal.
///
/// The principal is the tuple of values by which the rule tells callers apart, in the order of its sorted
/// match keys. Every part is preceded by its length, so that ("ab","c") and ("a","bc") differ.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/ids.hpp"
#include "base/keyed_hash.hpp"

namespace starling {

class PrincipalHasher {
 public:
  PrincipalHasher(const KeyedHash& hash, std::string_view domain, std::string_view rule);
  /// Goes on from where another one was: domain and rule of a request are hashed once, when rules are loaded.
  PrincipalHasher(const KeyedHash& hash, std::uint64_t state) : hash_(hash), state_(state) {}
  void add_value(std::string_view value) { add(value); }
  /// May be called again with another window length.
  CounterKey key(std::uint32_t window_s) const;
  std::uint64_t state() const { return state_; }

 private:
  void add(std::string_view part);

  const KeyedHash& hash_;
  // A chain of hashes of fixed size instead of a buffer: no bound on the length of a value, no allocation.
  std::uint64_t state_ = 0;
};

}  // namespace starling
