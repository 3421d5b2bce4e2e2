/// Dates as HTTP writes them, whatever the locale: "Sun, 06 Nov 1994 08:49:37 GMT" (IMF-fixdate, RFC 9110,
/// section 5.6.7).
#pragma once

#include <cstdint>

#include "base/text_buffer.hpp"

namespace starling {

/// Appends the date that is `epoch_s` seconds after 1970-01-01 UTC, always 29 bytes. The form ends with the
/// year 9999: what lies beyond is shown as its last second.
void append_http_date(TextBuffer& out, std::uint64_t epoch_s);

}  // namespace starling
