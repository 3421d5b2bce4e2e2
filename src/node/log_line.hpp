/// Lines of a log, without their end. Whatever bytes a name or a message brings along, a line is one line: as
/// text it holds nothing that a terminal would obey, hide or draw elsewhere, as JSON it is valid, and holds
/// none of that either.
#pragma once

#include <string>
#include <string_view>

#include "node/log_record.hpp"

namespace starling {

/// `peer suspect: it has missed heartbeats peer=n2 address=10.0.0.2:4291`. Values with spaces or other than
/// plain text are quoted, and escaped as in JSON.
void append_message(std::string& out, const LogRecord& record);

/// The same behind time and level. `is_coloured`: the level is marked for a terminal.
void append_text_line(std::string& out, const LogRecord& record, bool is_coloured);

/// One object: `ts` (RFC 3339, UTC, ms), `level`, `msg`, `node`, then the fields.
void append_json_line(std::string& out, const LogRecord& record, std::string_view node);

}  // namespace starling
