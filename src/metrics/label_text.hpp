/// Text of files and of the network as the value of a label.
///
/// Prometheus refuses a whole page for one label that is not UTF-8, and a NUL ends a page for some parsers.
/// So each byte that is no part of a character becomes U+FFFD, NUL too. Backslashes, quotes and ends of lines
/// are escaped by whoever writes the page.
#pragma once

#include <string>
#include <string_view>

namespace starling::metrics {

std::string label_text(std::string_view text);

}  // namespace starling::metrics
