#include "node/unix_socket.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "node/stream_listener.hpp"
#include "scratch_directory.hpp"

namespace {
/// What somebody else does between the calls of this process.
std::function<void()> swap_after_bind;
}  // namespace

/// In place of libc's, for all of this executable.
extern "C" int bind(int fd, const sockaddr* address, socklen_t bytes) {
  const auto result = static_cast<int>(syscall(SYS_bind, fd, address, bytes));
  if (result == 0 && swap_after_bind) swap_after_bind();
  return result;
}

namespace starling {
namespace {

namespace fs = std::filesystem;

constexpr int queue_max = 16;

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

int connect_to(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return fd;
  close(fd);
  return -1;
}

bool answers(const std::string& path) {
  const int fd = connect_to(path);
  if (fd >= 0) close(fd);
  return fd >= 0;
}

mode_t mode_of(const std::string& path) {
  struct stat found {};
  REQUIRE(lstat(path.c_str(), &found) == 0);
  return found.st_mode & 07777;
}

/// As a killed process leaves it: the name is there, nobody listens.
UnixSocket leave_behind(const std::string& path) {
  auto socket = open_unix_socket({path}, queue_max);
  REQUIRE(socket.has_value());
  close(socket->fd);
  return *socket;
}

struct Acceptor final : StreamListener::Acceptor {
  std::vector<Handle<ClientStream>> streams;
  void on_connection(Handle<ClientStream> stream) override { streams.push_back(std::move(stream)); }
  void on_accept_failed(int) override {}
};

}  // namespace

TEST_SUITE("node.unix_socket") {
  TEST_CASE("the mode is as asked for, whatever the umask, which stays what it was") {
    const ScratchDirectory scratch;
    const std::string path = scratch / "s";
    for (const mode_t mode : {0600U, 0660U, 0666U, 0777U}) {
      const mode_t before = umask(077);
      auto socket = open_unix_socket({.path = path, .mode = mode}, queue_max);
      CHECK(umask(before) == 077);
      REQUIRE(socket.has_value());
      CHECK(mode_of(path) == mode);
      close(socket->fd);
    }
  }

  TEST_CASE("whoever swaps the name for a link does not get the file behind it opened to others") {
    const ScratchDirectory scratch;
    const std::string path = scratch / "s";
    write(scratch / "secret", "x");
    fs::permissions(scratch / "secret", fs::perms(0600));
    swap_after_bind = [&] {
      fs::remove(path);
      fs::create_symlink("secret", path);
    };
    const auto socket = open_unix_socket({.path = path, .mode = 0666}, queue_max);
    swap_after_bind = nullptr;
    CHECK(mode_of(scratch / "secret") == 0600);
    REQUIRE_FALSE(socket.has_value());
    CHECK(contains(socket.error(), "another file"));
    CHECK(fs::is_symlink(path));
  }

  TEST_CASE("a socket is there with its mode, whatever the umask, and gone when it is given back") {
    const ScratchDirectory scratch;
    const std::string path = scratch / "s";
    for (const mode_t mask : {0u, 022u, 077u}) {
      const mode_t before = umask(mask);
      const auto socket = open_unix_socket({path, 0660}, queue_max);
      umask(before);
      REQUIRE(socket.has_value());
      CHECK(mode_of(path) == 0660);
      CHECK(answers(path));
      CHECK((fcntl(socket->fd, F_GETFD) & FD_CLOEXEC) != 0);
      remove_unix_path(*socket);
      CHECK(!fs::exists(path));
      close(socket->fd);
    }
  }

  TEST_CASE("the socket of a dead process is taken over") {
    const ScratchDirectory scratch;
    const std::string path = scratch / "s";
    leave_behind(path);
    CHECK(fs::exists(path));
    CHECK(!answers(path));
    const auto socket = open_unix_socket({path}, queue_max);
    REQUIRE(socket.has_value());
    CHECK(answers(path));
    close(socket->fd);
  }

  TEST_CASE("a living listener keeps its path, even when its queue is full") {
    const ScratchDirectory scratch;
    const std::string path = scratch / "s";
    const auto first = open_unix_socket({path}, 0);
    REQUIRE(first.has_value());
    std::vector<int> waiting;
    for (int i = 0; i < 2; ++i) {
      const auto second = open_unix_socket({path}, queue_max);
      REQUIRE(!second.has_value());
      CHECK(contains(second.error(), path + ": another process is listening there"));
      waiting.push_back(connect_to(path));  // nobody accepts: the queue of length 0 takes one
    }
    for (const int fd : waiting)
      if (fd >= 0) close(fd);
    close(first->fd);
  }

  TEST_CASE("what is no socket is never touched") {
    const ScratchDirectory scratch;
    const std::string file = scratch / "file";
    const std::string directory = scratch / "directory";
    const std::string link = scratch / "link";
    write(file, "precious");
    fs::create_directory(directory);
    leave_behind(scratch / "dead");
    fs::create_symlink(scratch / "dead", link);
    for (const std::string& path : {file, directory, link}) {
      CAPTURE(path);
      const auto refused = open_unix_socket({path}, queue_max);
      REQUIRE(!refused.has_value());
      CHECK(contains(refused.error(), "no socket is there"));
    }
    CHECK(fs::file_size(file) == 8);
    CHECK(fs::is_symlink(link));
  }

  TEST_CASE("a socket of another kind is somebody's") {
    const ScratchDirectory scratch;
    const std::string path = scratch / "s";
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    const int datagrams = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    REQUIRE(bind(datagrams, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    CHECK(contains(open_unix_socket({path}, queue_max).error(), "another kind"));
    CHECK(fs::exists(path));
    close(datagrams);
  }

  TEST_CASE("a directory that is missing, and a path that is too long, are said") {
    const ScratchDirectory scratch;
    const std::string path = scratch / "missing/s";
    const auto missing = open_unix_socket({path}, queue_max);
    REQUIRE(!missing.has_value());
    CHECK(contains(missing.error(), "there is no directory " + (scratch / "missing").string()));
    const auto too_long = open_unix_socket({"/" + std::string(107, 'x')}, queue_max);
    REQUIRE(!too_long.has_value());
    CHECK(contains(too_long.error(), "expected a path of 1 to 107 bytes, found 108"));
  }

  TEST_CASE("a directory that somebody else keeps locked is said, after a while") {
    const ScratchDirectory scratch;
    const int directory = open(scratch.text().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    REQUIRE(flock(directory, LOCK_EX) == 0);
    const auto refused = open_unix_socket({(scratch / "s").string()}, queue_max);
    close(directory);
    REQUIRE(!refused.has_value());
    CHECK(contains(refused.error(), "keeps the directory locked"));
    CHECK(open_unix_socket({(scratch / "s").string()}, queue_max).has_value());
  }

  TEST_CASE("a path that is another's by now is left alone") {
    const ScratchDirectory scratch;
    const std::string path = scratch / "s";
    const UnixSocket old = leave_behind(path);
    // Keeps the inode's number from being used again at once, as the listening socket does in a living
    // process.
    fs::create_hard_link(path, scratch / "kept");
    const auto socket = open_unix_socket({path}, queue_max);
    REQUIRE(socket.has_value());
    remove_unix_path(old);
    CHECK(answers(path));
    close(socket->fd);
  }

  TEST_CASE("of many processes that find the same dead socket exactly one gets it, and it stays reachable") {
    constexpr int rounds = 20;
    constexpr int processes = 8;
    const ScratchDirectory scratch;
    const std::string path = scratch / "s";
    for (int round = 0; round < rounds; ++round) {
      CAPTURE(round);
      leave_behind(path);
      std::array<int, 2> start{};
      std::array<int, 2> tell{};
      std::array<int, 2> end{};
      REQUIRE((pipe(start.data()) == 0 && pipe(tell.data()) == 0 && pipe(end.data()) == 0));
      for (int process = 0; process < processes; ++process) {
        if (fork() != 0) continue;
        char byte = 0;
        close(start[1]);
        close(end[1]);
        if (read(start[0], &byte, 1) != 0) _exit(2);
        const auto socket = open_unix_socket({path}, queue_max);
        byte = socket ? '1' : '0';
        if (::write(tell[1], &byte, 1) != 1) _exit(3);
        _exit(read(end[0], &byte, 1) == 0 ? 0 : 4);  // the winner listens until all have been heard
      }
      close(start[0]);
      close(start[1]);
      close(end[0]);
      int winners = 0;
      for (int process = 0; process < processes; ++process) {
        char byte = 0;
        REQUIRE(read(tell[0], &byte, 1) == 1);
        winners += byte == '1' ? 1 : 0;
      }
      CHECK(winners == 1);
      CHECK(answers(path));
      for (const int fd : {end[1], tell[0], tell[1]}) close(fd);
      for (int process = 0; process < processes; ++process) wait(nullptr);
    }
  }

  TEST_CASE("a listener accepts, tells no address, and removes its path when it closes") {
    const ScratchDirectory scratch;
    const std::string path = scratch / "s";
    Loop loop;
    Acceptor acceptor;
    StreamListener listener(loop, acceptor);
    REQUIRE(listener.listen_unix({path}, queue_max).has_value());
    StreamListener second(loop, acceptor);
    CHECK(!second.listen_unix({path}, queue_max).has_value());
    const int client = connect_to(path);
    REQUIRE(client >= 0);
    while (acceptor.streams.empty()) uv_run(loop.get(), UV_RUN_NOWAIT);
    CHECK(client_of(*acceptor.streams.front()) == Endpoint{});
    listener.close();
    CHECK(!fs::exists(path));
    // Free for the next one, and what the old listener does now is no harm to it.
    REQUIRE(second.listen_unix({path}, queue_max).has_value());
    listener.close();
    CHECK(answers(path));
    close(client);
  }

  TEST_CASE("a listener leaves what another put in its place") {
    const ScratchDirectory scratch;
    const std::string path = scratch / "s";
    Loop loop;
    Acceptor acceptor;
    StreamListener listener(loop, acceptor);
    REQUIRE(listener.listen_unix({path}, queue_max).has_value());
    fs::remove(path);
    write(path, "not ours");
    listener.close();
    CHECK(fs::exists(path));
  }
}

}  // namespace starling
