/// The name of a Unix domain socket in the file system: taken, taken over, and given back.
///
/// A process that is killed leaves its socket's name behind, and bind() refuses a name that is there. So what
/// is there is asked: a socket that refuses a connection has nobody behind it and is replaced, one that takes
/// it stays, and anything that is no socket is never touched.
///
/// The hard case is two nodes that find the same dead socket: the slower one must not remove what the faster
/// one has just put there. So looking, removing, binding and listening happen while the directory is locked
/// (flock: gone with the process, leaves no file). Whoever comes second finds a socket that answers.
#pragma once

#include <sys/types.h>

#include <string>
#include <tl/expected.hpp>

#include "node/unix_address.hpp"

namespace starling {

struct UnixSocket {
  int fd = -1;  ///< listening, closed on exec; the caller's to close
  std::string path;
  dev_t device = 0;  ///< which file it is, should another one be there in the end
  ino_t inode = 0;
};

/// `queue_max`: connections that wait in the kernel. May wait for another node that starts, at most two
/// seconds. Error: a line that names the path and says what to do; nothing that was there has been touched.
tl::expected<UnixSocket, std::string> open_unix_socket(const UnixAddress& address, int queue_max);

/// Removes the path if it is still this socket's. To be called before the socket is closed: as long as it
/// listens, no other node takes the path over.
void remove_unix_path(const UnixSocket& socket);

}  // namespace starling
