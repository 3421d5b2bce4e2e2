/// Why a client that hangs up must not end the process.
#pragma once

namespace starling {

/// A write to a connection that the other side has reset raises SIGPIPE, and libuv does not mask it. Turns
/// the default, which is to end the process, into EPIPE; a disposition that somebody chose stays.
void ignore_sigpipe();

}  // namespace starling
