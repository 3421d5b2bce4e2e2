#include "base/check.hpp"

#include <cstdio>
#include <cstdlib>

namespace starling {

void check_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "starling: internal error at %s:%d: %s does not hold; please report this\n", file,
               line, condition);
  std::abort();
}

}  // namespace starling
