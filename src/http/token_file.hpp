/// The secret that lets a client beyond this machine change things: one line in a file, the same for the node
/// that asks for it and for the command line that shows it.
///
/// A file that others on the machine can read is refused rather than warned about: whoever can read it may
/// change every limit of the cluster.
#pragma once

#include <cstddef>
#include <string>
#include <tl/expected.hpp>

namespace starling::http {

inline constexpr std::size_t token_bytes_min = 16;
inline constexpr std::size_t token_bytes_max = 4096;

/// The line, without its end. Errors are one line that names the file, what was expected and what was found.
tl::expected<std::string, std::string> read_token_file(const std::string& path);

}  // namespace starling::http
