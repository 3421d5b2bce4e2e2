/// STARLING_CHECK stops the process when one of our own invariants is broken, in release builds as well.
/// Never use it on anything that comes from outside: bad input is an Error.
#pragma once

namespace starling {
[[noreturn]] void check_failed(const char* condition, const char* file, int line);
}  // namespace starling

#define STARLING_CHECK(condition) \
  (static_cast<bool>(condition) ? void(0) : ::starling::check_failed(#condition, __FILE__, __LINE__))
