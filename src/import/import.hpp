/// `starling config import`: other projects' limits as Starling's own rules file. Text in, text out.
///
/// Nothing is dropped in silence: what cannot be carried over is a note with its place, returned and written
/// at the top of the new file. What nobody could carry over, because the project itself would refuse it, is
/// an error.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "import/report.hpp"

namespace starling {

enum class ImportFrom : std::uint8_t { envoy, spinnaker, kong };
inline constexpr std::array<std::string_view, 3> import_from_names{"envoy", "spinnaker", "kong"};

/// The rules and what there is to say about them. All errors of the file at once, or none.
tl::expected<Imported, std::vector<ImportError>> import_rules(ImportFrom from, std::string_view text);

/// The native file: whence it comes, how to read it, the notes, the rules. `file` is what the notes call the
/// imported file.
std::string native_file(const Imported& imported, ImportFrom from, std::string_view file);

/// "rates.yaml:3:5: message".
std::string told(std::string_view file, Place place, std::string_view message);

}  // namespace starling
