#include "node/unix_socket.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <string_view>
#include <thread>
#include <utility>

#include "base/shown_text.hpp"

namespace starling {
namespace {

constexpr std::chrono::milliseconds lock_poll{5};
constexpr int lock_polls_max = 400;  // two seconds; the lock is held for a few system calls

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

tl::unexpected<std::string> refuse(std::string_view path, std::string_view why) {
  return tl::unexpected(fmt::format("{}: {}", shown(path), why));
}

tl::unexpected<std::string> refuse(std::string_view path, std::string_view what, int error) {
  return refuse(path, fmt::format("{}: {}", what, std::strerror(error)));
}

sockaddr_un address_of(std::string_view path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::copy(path.begin(), path.end(), address.sun_path);
  return address;
}

int stream_socket() {
  return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

/// Locks until `directory` is closed.
tl::expected<void, std::string> lock(const Descriptor& directory, const std::string& name) {
  for (int polls = 0; flock(directory.get(), LOCK_EX | LOCK_NB) != 0; ++polls) {
    if (errno != EWOULDBLOCK && errno != EINTR) return refuse(name, "cannot lock the directory", errno);
    if (polls == lock_polls_max)
      return refuse(name, "another process keeps the directory locked; choose a directory of its own");
    std::this_thread::sleep_for(lock_poll);
  }
  return {};
}

/// Linux gives the file the mode of the socket, less the umask. So the umask is lifted meanwhile, instead of
/// a `chmod` afterwards: that would go by the path, and whoever may write to the directory could have put a
/// link to somebody's file there. The umask is the process's; no other thread of a node creates files.
int bind_with_mode(int fd, const sockaddr_un& name) {
  const mode_t before = umask(0);
  const int error = bind(fd, reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0 ? 0 : errno;
  umask(before);
  return error;
}

/// Makes room at `path`, or says why not.
tl::expected<void, std::string> clear_path(const std::string& path) {
  struct stat there {};
  if (lstat(path.c_str(), &there) != 0) {
    if (errno == ENOENT) return {};
    return refuse(path, "cannot look at it", errno);
  }
  if (!S_ISSOCK(there.st_mode))
    return refuse(path, "something that is no socket is there; remove it or choose another path");
  const Descriptor probe(stream_socket());
  if (probe.get() < 0) return refuse(path, "cannot make a socket", errno);
  const sockaddr_un address = address_of(path);
  const bool taken = connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  // Neither blocks nor waits: EAGAIN is a listener whose queue is full.
  if (taken || errno == EAGAIN || errno == EINPROGRESS)
    return refuse(path, "another process is listening there; is another node running? choose another path");
  if (errno == EPROTOTYPE || errno == EACCES || errno == EPERM)
    return refuse(path, "a socket of another user or another kind is there; choose another path", errno);
  if (errno != ECONNREFUSED && errno != ENOENT)
    return refuse(path, "cannot ask who is listening there", errno);
  if (unlink(path.c_str()) != 0 && errno != ENOENT)
    return refuse(path, "cannot remove the socket that a dead process left there", errno);
  return {};
}

}  // namespace

tl::expected<UnixSocket, std::string> open_unix_socket(const UnixAddress& address, int queue_max) {
  const std::string& path = address.path;
  if (path.empty() || path.size() > unix_path_bytes_max)
    return refuse(
        path, fmt::format("expected a path of 1 to {} bytes, found {}", unix_path_bytes_max, path.size()));
  const std::string parent = path.substr(0, std::max<std::size_t>(path.rfind('/'), 1));
  const Descriptor directory(open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.get() < 0 && errno == ENOENT)
    return refuse(path, fmt::format("there is no directory {}; create it first", shown(parent)));
  if (directory.get() < 0)
    return refuse(path, fmt::format("cannot open the directory {}", shown(parent)), errno);
  if (auto locked = lock(directory, parent); !locked) return tl::unexpected(locked.error());
  if (auto cleared = clear_path(path); !cleared) return tl::unexpected(cleared.error());

  Descriptor made(stream_socket());
  if (made.get() < 0) return refuse(path, "cannot make a socket", errno);
  if (fchmod(made.get(), address.mode) != 0) return refuse(path, "cannot set its mode", errno);
  const sockaddr_un name = address_of(path);
  if (const int error = bind_with_mode(made.get(), name); error != 0) {
    errno = error;
    return refuse(path, "cannot create the socket; may this user write to the directory?", errno);
  }
  UnixSocket socket{.path = path};
  struct stat own {};
  // What comes back with an error from here on is a name that nobody listens behind: the next node removes
  // it.
  if (lstat(path.c_str(), &own) != 0)
    return refuse(path, "the socket is gone right after it was created", errno);
  if (!S_ISSOCK(own.st_mode))
    return refuse(path,
                  "somebody else put another file there; choose a directory in which only this user writes");
  socket.device = own.st_dev;
  socket.inode = own.st_ino;
  if (listen(made.get(), queue_max) != 0) {
    const int error = errno;
    remove_unix_path(socket);
    return refuse(path, "cannot listen", error);
  }
  socket.fd = made.release();
  return socket;
}

void remove_unix_path(const UnixSocket& socket) {
  struct stat there {};
  if (socket.path.empty() || lstat(socket.path.c_str(), &there) != 0) return;
  if (there.st_dev == socket.device && there.st_ino == socket.inode) unlink(socket.path.c_str());
}

}  // namespace starling
