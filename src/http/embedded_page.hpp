/// The status page as it lies in the binary; `page/embed.py` writes it when Starling is built.
#pragma once

#include <string_view>

namespace starling::http {

struct EmbeddedPage {
  std::string_view html;
  std::string_view etag;    ///< with its quotes
  std::string_view policy;  ///< Content-Security-Policy
};

extern const EmbeddedPage embedded_page;

}  // namespace starling::http
