/// Real directories, changed as people and Kubernetes change them. Looks without an event are an hour apart
/// unless a test is about them, so whatever is noticed was noticed by its event.
#include "node/key_watcher.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <functional>
#include <optional>
#include <vector>

#include "node/key_file.hpp"
#include "scratch_directory.hpp"

namespace starling {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

std::string new_line() {
  return std::string(NewKey().line());
}

void write_secret(const fs::path& path, const std::string& text) {
  write(path, text);
  REQUIRE(chmod(path.c_str(), 0600) == 0);
}

class World final : private KeyWatcher::Listener {
 public:
  World() {
    auto waker = std::make_unique<uv_timer_t>();
    uv_timer_init(loop.get(), waker.get());
    waker_ = adopt(std::move(waker), this);
    uv_timer_start(
        waker_.get(), [](uv_timer_t*) {}, 2, 2);
  }

  static KeyWatcher::Options quick() {
    return {.path = {}, .settle = 5ms, .settle_max = 50ms, .look_every = 1h, .look_every_without_events = 1h};
  }

  /// Starts as a node does: with what is there now.
  void start(const fs::path& path, KeyWatcher::Options options = quick()) {
    options.path = path.string();
    watcher.emplace(loop, options, read_key_file(options.path).value_or(wire::KeyRing{}),
                    static_cast<KeyWatcher::Listener&>(*this));
    REQUIRE(run_until([&] { return settled > 0; }));
  }

  bool run_until(const std::function<bool()>& condition) {
    const Instant deadline = Loop::now() + 30s;
    while (!condition() && Loop::now() < deadline) uv_run(loop.get(), UV_RUN_ONCE);
    return condition();
  }
  bool await(const std::string& text) {
    const wire::KeyRing wanted = parse_keys(text, "wanted").value();
    return run_until([&] { return !rings.empty() && rings.back() == wanted; });
  }
  bool await_problem(std::string_view part) {
    return run_until([&] { return !problems.empty() && problems.back().find(part) != std::string::npos; });
  }

  Loop loop;
  std::vector<wire::KeyRing> rings;
  std::vector<std::string> problems;
  int settled = 0;
  std::function<void()> on_news = [] {};
  std::optional<KeyWatcher> watcher;

 private:
  void on_keys(const wire::KeyRing& keys) override {
    rings.push_back(keys);
    on_news();
  }
  void on_bad_keys(const std::string& problem) override { problems.push_back(problem); }
  void on_key_watch_lost(const std::string&, std::chrono::milliseconds) override {}
  void on_keys_settled() override { ++settled; }

  Handle<uv_timer_t> waker_;
};

}  // namespace

TEST_SUITE("node.key_watcher") {
  TEST_CASE("a file written in place, and one renamed over it") {
    const ScratchDirectory at;
    const std::string first = new_line();
    const std::string second = new_line();
    write_secret(at / "keys", first);
    World world;
    world.start(at / "keys");
    CHECK(world.rings.empty());
    write_secret(at / "keys", first + second);
    CHECK(world.await(first + second));
    write_secret(at / ".new", second);
    fs::rename(at / ".new", at / "keys");
    CHECK(world.await(second));
    CHECK(world.problems.empty());
  }

  TEST_CASE("a Secret: a symlink through `..data`, which is renamed over") {
    const ScratchDirectory at;
    const std::vector<std::string> texts{new_line(), new_line(), new_line()};
    const auto mount = [&](int version) {
      fs::create_directory(at / fmt::format("..v{}", version));
      write_secret(at / fmt::format("..v{}", version) / "keys", texts[static_cast<std::size_t>(version)]);
      fs::create_symlink(fmt::format("..v{}", version), at / "..tmp");
      fs::rename(at / "..tmp", at / "..data");
    };
    mount(0);
    fs::create_symlink("..data/keys", at / "keys");
    World world;
    world.start(at / "keys");
    for (const int version : {1, 2}) {
      mount(version);
      CHECK(world.await(texts[static_cast<std::size_t>(version)]));
    }
  }

  TEST_CASE("what is no key file is told once, and the old text again is news") {
    const ScratchDirectory at;
    const std::string line = new_line();
    write_secret(at / "keys", line);
    World world;
    world.start(at / "keys");
    write_secret(at / "keys", "nonsense\n");
    CHECK(world.await_problem(":1: expected a key"));
    world.watcher->look_now();
    const int settled = world.settled;
    CHECK(world.run_until([&] { return world.settled > settled; }));
    CHECK(world.problems.size() == 1);
    write_secret(at / "keys", line);
    CHECK(world.await(line));
  }

  TEST_CASE("a mode that was opened is noticed, and that it was mended") {
    const ScratchDirectory at;
    const std::string line = new_line();
    write_secret(at / "keys", line);
    World world;
    world.start(at / "keys");
    REQUIRE(chmod((at / "keys").c_str(), 0644) == 0);
    world.watcher->look_now();
    CHECK(world.await_problem("found mode 0644"));
    REQUIRE(chmod((at / "keys").c_str(), 0600) == 0);
    world.watcher->look_now();
    CHECK(world.await(line));
  }

  TEST_CASE("the watcher may go while it tells, and while it looks") {
    const ScratchDirectory at;
    write_secret(at / "keys", new_line());
    World world;
    world.start(at / "keys");
    world.on_news = [&] { world.watcher.reset(); };
    write_secret(at / "keys", new_line());
    CHECK(world.run_until([&] { return !world.watcher; }));
    world.on_news = [] {};
    world.start(at / "keys");
    world.watcher->look_now();
    world.watcher.reset();
  }
}

}  // namespace starling
