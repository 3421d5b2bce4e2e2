/// What a client sends to `/v1/overrides`, read strictly: a typing error must not become a limit that nobody
/// wanted.
///
/// The two readers take the same object. What names the subject (`kind`, `rule`, `match`, `principal`) is
/// checked alike; the value (`limits`, `unlimited`, `learning`) is needed to set one only. An empty member is
/// as good as none, so that an entry of the list can be sent back.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "http/admin_service.hpp"

namespace starling::http {

inline constexpr std::size_t live_body_bytes_max = std::size_t{64} * 1024;
inline constexpr std::size_t live_text_bytes_max = 256;  ///< a name, a key, a value

/// Errors are one line for the client: the member, what was expected, what was found.
tl::expected<LiveChange, std::string> parse_live_change(std::string_view body);
/// For deleting: only `what`'s subject and `set_by` mean something.
tl::expected<LiveChange, std::string> parse_live_subject(std::string_view body);

}  // namespace starling::http
