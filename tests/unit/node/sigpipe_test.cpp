#include "node/sigpipe.hpp"

#include <doctest/doctest.h>

#include <csignal>

TEST_SUITE("node.sigpipe") {
  TEST_CASE("the default gives way, a chosen handler stays") {
    struct sigaction before {};
    sigaction(SIGPIPE, nullptr, &before);
    const auto after = [](void (*handler)(int)) {
      std::signal(SIGPIPE, handler);
      starling::ignore_sigpipe();
      struct sigaction now {};
      sigaction(SIGPIPE, nullptr, &now);
      return now.sa_handler;
    };
    void (*const chosen)(int) = [](int) {};
    CHECK((after(SIG_DFL) == SIG_IGN));
    CHECK((after(SIG_IGN) == SIG_IGN));
    CHECK((after(chosen) == chosen));
    sigaction(SIGPIPE, &before, nullptr);
  }
}
