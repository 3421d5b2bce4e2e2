#include "node/service_manager.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <map>
#include <string>

#include "scratch_directory.hpp"

namespace starling {
namespace {

constexpr long own_pid = 42;

ServiceManager manager_in(const std::map<std::string, std::string>& variables) {
  return ServiceManager(
      [&](const char* name) {
        const auto found = variables.find(name);
        return found == variables.end() ? nullptr : found->second.c_str();
      },
      own_pid);
}

/// The other end. `name` as in NOTIFY_SOCKET.
class Listener {
 public:
  explicit Listener(const std::string& name)
      : socket_(socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    REQUIRE(name.size() < sizeof address.sun_path);
    std::memcpy(address.sun_path, name.data(), name.size());
    if (name[0] == '@') address.sun_path[0] = '\0';
    const auto bytes = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    REQUIRE(bind(socket_, reinterpret_cast<const sockaddr*>(&address), bytes) == 0);
  }
  ~Listener() { close(socket_); }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  /// Empty: nothing has come.
  std::string next() {
    std::array<char, 256> text{};
    const ssize_t bytes = recv(socket_, text.data(), text.size(), 0);
    return bytes < 0 ? std::string() : std::string(text.data(), static_cast<std::size_t>(bytes));
  }

 private:
  int socket_;
};

/// So long a path that it just fits.
std::string long_path(const std::string& folder) {
  return folder + "/" + std::string(sizeof(sockaddr_un::sun_path) - 2 - folder.size(), 'n');
}

TEST_SUITE("node.service_manager") {
  TEST_CASE("words arrive whole, one datagram each, by path and by abstract name") {
    const ScratchDirectory scratch;
    const std::string path = scratch.text() + "/notify";
    for (const std::string& name : {path, "@" + path, long_path(scratch.text())}) {
      CAPTURE(name);
      Listener listener(name);
      const ServiceManager manager = manager_in({{"NOTIFY_SOCKET", name}});
      CHECK(manager.is_there());
      CHECK(manager.tell("READY=1\nSTATUS=ready"));
      CHECK(manager.tell("STOPPING=1"));
      CHECK(listener.next() == "READY=1\nSTATUS=ready");
      CHECK(listener.next() == "STOPPING=1");
      CHECK(listener.next().empty());
    }
  }

  TEST_CASE("without a socket, or with one that cannot be meant, nobody is there") {
    CHECK_FALSE(manager_in({}).is_there());
    CHECK_FALSE(manager_in({{"WATCHDOG_USEC", "1000000"}}).sign_of_life_every());
    for (const std::string& name :
         {std::string(), std::string("/"), std::string("@"), std::string("notify"), std::string("./notify"),
          std::string("vsock:2:1234"), long_path("/tmp") + "n", "/" + std::string(100'000, 'n')}) {
      CAPTURE(name.substr(0, 200));
      const ServiceManager manager = manager_in({{"NOTIFY_SOCKET", name}, {"WATCHDOG_USEC", "1000000"}});
      CHECK_FALSE(manager.is_there());
      CHECK_FALSE(manager.sign_of_life_every());
      CHECK_FALSE(manager.tell("READY=1"));
    }
  }

  TEST_CASE("a manager that does not listen is not told, and nobody waits for it") {
    const ScratchDirectory scratch;
    const std::string path = scratch.text() + "/notify";
    const ServiceManager manager = manager_in({{"NOTIFY_SOCKET", path}});
    CHECK_FALSE(manager.tell("READY=1"));  // no such file
    close(open(path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    CHECK_FALSE(manager.tell("READY=1"));  // no socket
    std::filesystem::remove(path);
    Listener listener(path);
    constexpr int far_more_than_any_queue_holds = 1'000'000;
    int told = 0;
    while (told < far_more_than_any_queue_holds && manager.tell("WATCHDOG=1")) ++told;
    CHECK(told > 0);
    CHECK(told < far_more_than_any_queue_holds);  // full
    CHECK(listener.next() == "WATCHDOG=1");
    CHECK(manager.tell("READY=1"));  // there is room again
  }

  TEST_CASE("it wants a sign of life, and gets it twice as often") {
    const auto every = [](const std::string& period_us, const std::string& pid) {
      std::map<std::string, std::string> variables{{"NOTIFY_SOCKET", "/run/notify"},
                                                   {"WATCHDOG_USEC", period_us}};
      if (!pid.empty()) variables["WATCHDOG_PID"] = pid;
      return manager_in(variables).sign_of_life_every();
    };
    CHECK(every("30000000", "") == std::chrono::milliseconds(15'000));
    CHECK(every("30000000", "42") == std::chrono::milliseconds(15'000));
    CHECK(every("1", "") == std::chrono::milliseconds(1));
    CHECK(every("86400000000", "") == std::chrono::hours(12));
    CHECK_FALSE(every("30000000", "43"));  // of the shell that has started it
    CHECK_FALSE(every("30000000", "x"));
    for (const char* text :
         {"", "0", "-1", "1e6", "1000000x", " 1000000", "86400000001", "99999999999999999999"}) {
      CAPTURE(text);
      CHECK_FALSE(every(text, ""));
    }
  }
}

}  // namespace
}  // namespace starling
