/// Headers that are lists, and headers that must not be.
///
/// Proxies add to the right end of a list, so its right end is what the nearest one says and its left end
/// what the client says. Of a header that is no list a client may add a second line, hoping that we take one
/// and the application the other; which one it takes nobody can know, so two that differ are an error.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "http/handler.hpp"

namespace starling::http {

/// Element `number` of all lines of that name, counted from 1 at the right end; empty elements do not count.
/// Empty if there are fewer. `name` in lower or upper case.
std::string_view from_the_right(std::span<const Header> headers, std::string_view name, std::size_t number);

/// The one value of the headers of these names, empty if none has a value. Error, for the client: they have
/// different ones.
tl::expected<std::string_view, std::string> only_value(std::span<const Header> headers,
                                                       std::span<const std::string_view> names);

/// The error above.
std::string contradiction(const Header& one, const Header& other);

}  // namespace starling::http
