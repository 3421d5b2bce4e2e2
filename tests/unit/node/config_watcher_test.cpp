/// Real directories, changed as people, editors and Kubernetes change them. Looks without an event are an
/// hour apart unless a test is about them, so whatever is noticed was noticed by its event.
#include "node/config_watcher.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <atomic>
#include <functional>
#include <thread>

#include "scratch_directory.hpp"

namespace starling {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

std::string rules(int requests) {
  return fmt::format(
      "rules:\n  - name: r\n    match: {{p: \"*\"}}\n    limits: [{{requests: {}, per: 1s}}]\n", requests);
}

class World final : private ConfigWatcher::Listener {
 public:
  World() {
    auto waker = std::make_unique<uv_timer_t>();
    uv_timer_init(loop.get(), waker.get());
    waker_ = adopt(std::move(waker), this);
    uv_timer_start(
        waker_.get(), [](uv_timer_t*) {}, 2, 2);
  }

  static ConfigWatcher::Options quick() {
    ConfigWatcher::Options options;
    options.settle = 5ms;
    options.settle_max = 50ms;
    options.look_every = 1h;
    options.look_every_without_events = 1h;
    return options;
  }

  /// Starts as a node does: with what is there now, unless the test knows better.
  void start(const fs::path& path, ConfigWatcher::Options options = quick(),
             std::optional<ConfigTexts> known = std::nullopt) {
    options.path = path.string();
    if (!known) known = read_config_texts(options.path).value_or(ConfigTexts{});
    watcher.emplace(loop, options, std::move(*known), static_cast<ConfigWatcher::Listener&>(*this), prepare);
    settle();
  }

  bool run_until(const std::function<bool()>& condition) {
    const Instant deadline = Loop::now() + 30s;
    while (!condition() && Loop::now() < deadline) uv_run(loop.get(), UV_RUN_ONCE);
    return condition();
  }

  /// Until all looks that are under way have ended: a look that finds nothing says nothing, so a few turns
  /// of the loop have to go by without a thread at work.
  void settle() {
    for (int quiet = 0; quiet < 20; ++quiet) uv_run(loop.get(), UV_RUN_ONCE);
  }

  /// The limit of the configuration that was reported last; 0: none was.
  int limit() const {
    return configs.empty() || configs.back().rules.rules.empty()
               ? 0
               : static_cast<int>(configs.back().rules.rules[0].limits[0].requests);
  }
  bool await_limit(int requests) {
    return run_until([&] { return limit() == requests; });
  }
  bool await_problem(std::string_view part) {
    return run_until([&] { return !problems.empty() && problems.back().find(part) != std::string::npos; });
  }

  Loop loop;
  std::vector<ConfigFile> configs;
  std::vector<std::string> problems;
  std::vector<std::string> losses;
  std::function<void()> on_news = [] {};
  ConfigWatcher::Prepare prepare;
  std::optional<ConfigWatcher> watcher;

 private:
  void on_config(ConfigFile config, ConfigWatcher::Sequel sequel) override {
    configs.push_back(std::move(config));
    sequel();
    on_news();
  }
  void on_bad_config(const ConfigProblems& found) override {
    problems.push_back(found.lines.front());
    on_news();
  }
  void on_watch_lost(const std::string& why, std::chrono::milliseconds) override { losses.push_back(why); }

  Handle<uv_timer_t> waker_;
};

/// Writes beside and renames over, as most editors do.
void replace(const fs::path& path, std::string_view text) {
  const fs::path beside = path.parent_path() / ".new";
  write(beside, text);
  fs::rename(beside, path);
}

/// What the kubelet does with a ConfigMap: a directory for each version, and a symlink that is renamed over.
class MountedConfigMap {
 public:
  explicit MountedConfigMap(const ScratchDirectory& at) : at_(at) {}
  void update(const std::string& text) {
    const std::string version = fmt::format("..version_{}", ++version_);
    fs::create_directory(at_ / version);
    write(at_ / version / "rules.yaml", text);
    fs::create_symlink(version, at_ / "..data_tmp");
    fs::rename(at_ / "..data_tmp", at_ / "..data");
    if (version_ == 1) fs::create_symlink("..data/rules.yaml", at_ / "rules.yaml");
    fs::remove_all(at_ / fmt::format("..version_{}", version_ - 1));
  }

 private:
  const ScratchDirectory& at_;
  int version_ = 0;
};

TEST_SUITE("node.config_watcher") {
  TEST_CASE("a file is read again when it is written in place or renamed over, again and again") {
    const ScratchDirectory scratch;
    const fs::path file = scratch / "rules.yaml";
    write(file, rules(1));
    World world;
    world.start(file);
    for (int round = 2; round < 10; ++round) {
      round % 2 == 0 ? write(file, rules(round)) : replace(file, rules(round));
      REQUIRE(world.await_limit(round));
    }
    CHECK(world.problems.empty());
    CHECK(world.losses.empty());
  }

  TEST_CASE("a ConfigMap's swap is seen, of a file and of its directory") {
    for (const bool directory : {false, true}) {
      const ScratchDirectory scratch;
      MountedConfigMap map(scratch);
      map.update(rules(1));
      World world;
      world.start(directory ? fs::path(scratch.text()) : scratch / "rules.yaml");
      for (int round = 2; round < 6; ++round) {
        map.update(rules(round));
        REQUIRE(world.await_limit(round));
      }
      CHECK(world.problems.empty());
    }
  }

  TEST_CASE("files that come to a directory and go are seen") {
    const ScratchDirectory scratch;
    write(scratch / "a.yaml", rules(1));
    World world;
    world.start(scratch.text());
    write(scratch / "0.yml", "rules:\n  - {name: q, match: {q: a}, limits: [{requests: 7, per: 1s}]}\n");
    REQUIRE(world.await_limit(7));
    CHECK(world.configs.back().rules.rules.size() == 2);
    fs::remove(scratch / "0.yml");
    REQUIRE(world.await_limit(1));
    write(scratch / "b.yaml", rules(2));
    CHECK(world.await_problem("the name \"r\" is taken"));
  }

  TEST_CASE("a file that is deleted is a problem once, and is taken when it comes back") {
    const ScratchDirectory scratch;
    const fs::path file = scratch / "rules.yaml";
    write(file, rules(1));
    World world;
    world.start(file);
    fs::remove(file);
    REQUIRE(world.await_problem("No such file or directory"));
    world.watcher->look_now();
    world.settle();
    CHECK(world.problems.size() == 1);
    write(file, rules(1));  // as it was: but the last thing seen was a problem
    REQUIRE(world.await_limit(1));
  }

  TEST_CASE("what is no configuration is a problem, each time it is another one, and a good text mends it") {
    const ScratchDirectory scratch;
    const fs::path file = scratch / "rules.yaml";
    write(file, rules(1));
    World world;
    world.start(file);
    write(file, "rulez: []\n");
    REQUIRE(world.await_problem("rulez"));
    replace(file, "rulez: []\n");
    world.watcher->look_now();
    world.settle();
    write(file, "ruler: []\n");
    REQUIRE(world.await_problem("ruler"));
    CHECK(world.problems.size() == 2);
    CHECK(world.configs.empty());
    write(file, rules(2));
    CHECK(world.await_limit(2));
  }

  TEST_CASE("a text that was seen already is no news, whatever has touched the file") {
    const ScratchDirectory scratch;
    const fs::path file = scratch / "rules.yaml";
    write(file, rules(1));
    World world;
    world.start(file);
    replace(file, rules(1));
    write(scratch / "notes.txt", "");
    world.watcher->look_now();
    world.settle();
    replace(file, rules(2));  // whatever was under way is over when this is told
    REQUIRE(world.await_limit(2));
    CHECK(world.configs.size() == 1);
  }

  TEST_CASE("what changed before the watch was there is noticed") {
    const ScratchDirectory scratch;
    const fs::path file = scratch / "rules.yaml";
    write(file, rules(1));
    World world;
    world.start(file, World::quick(), ConfigTexts{{file.string(), rules(2)}});
    CHECK(world.await_limit(1));
  }

  TEST_CASE("a directory that is replaced as a whole is watched anew") {
    const ScratchDirectory scratch;
    for (const bool directory : {false, true}) {
      const fs::path folder = scratch / "config";
      const auto make = [&](const fs::path& path, int requests) {
        fs::create_directory(path);
        write(path / "rules.yaml", rules(requests));
      };
      make(folder, 1);
      World world;
      // A folder's going shows in the folder; its coming back only by looking.
      ConfigWatcher::Options options = World::quick();
      options.look_every_without_events = 10ms;
      world.start(directory ? folder : folder / "rules.yaml", options);
      fs::rename(folder, scratch / "old");
      make(folder, 2);
      REQUIRE(world.await_limit(2));
      world.settle();
      write(folder / "rules.yaml", rules(3));
      REQUIRE(world.await_limit(3));
      fs::remove_all(folder);
      REQUIRE(world.await_problem(folder.string()));
      make(folder, 4);
      REQUIRE(world.await_limit(4));
      write(folder / "rules.yaml", rules(5));
      REQUIRE(world.await_limit(5));
      fs::remove_all(folder);
      fs::remove_all(scratch / "old");
    }
  }

  TEST_CASE("without events the disk is looked at now and then, and that is told once") {
    const ScratchDirectory scratch;
    const fs::path file = scratch / "later/rules.yaml";
    World world;
    ConfigWatcher::Options options = World::quick();
    options.look_every_without_events = 5ms;
    world.start(file, options);
    REQUIRE(world.await_problem("No such file"));
    CHECK(world.run_until([&] { return world.losses.size() == 1; }));
    CHECK(world.losses.front().find("later: no such file") != std::string::npos);
    fs::create_directory(scratch / "later");
    write(file, rules(3));
    REQUIRE(world.await_limit(3));
    world.settle();
    write(file, rules(4));
    REQUIRE(world.await_limit(4));
    CHECK(world.losses.size() == 1);
    CHECK(world.problems.size() == 1);
  }

  TEST_CASE("a change that raises no event here is found by looking now and then") {
    const ScratchDirectory scratch;
    const ScratchDirectory elsewhere;
    write(elsewhere / "rules.yaml", rules(1));
    fs::create_symlink(elsewhere / "rules.yaml", scratch / "rules.yaml");
    World world;
    ConfigWatcher::Options options = World::quick();
    options.look_every = 10ms;
    world.start(scratch / "rules.yaml", options);
    write(elsewhere / "rules.yaml", rules(2));
    CHECK(world.await_limit(2));
    CHECK(world.losses.empty());
  }

  TEST_CASE("events without end do not put the look off without end") {
    const ScratchDirectory scratch;
    const fs::path file = scratch / "rules.yaml";
    write(file, rules(1));
    World world;
    ConfigWatcher::Options options = World::quick();
    options.settle = 1h;
    options.settle_max = 20ms;
    world.start(file, options);
    write(file, rules(2));
    CHECK(world.await_limit(2));
  }

  TEST_CASE("of a burst of changes the last one holds, without a look for each") {
    const ScratchDirectory scratch;
    const fs::path file = scratch / "rules.yaml";
    write(file, rules(1));
    World world;
    world.start(file);
    for (int i = 2; i <= 300; ++i) {
      i % 3 == 0 ? write(file, rules(i)) : replace(file, rules(i));
      if (i % 50 == 0) world.watcher->look_now();
      uv_run(world.loop.get(), UV_RUN_NOWAIT);
    }
    CHECK(world.await_limit(300));
    CHECK(world.configs.size() < 250);
  }

  TEST_CASE("of a flood of events the watch gives up, and the last text is found all the same") {
    const ScratchDirectory scratch;
    const fs::path file = scratch / "rules.yaml";
    write(file, rules(1));
    World world;
    world.start(file);
    // More than one buffer of libuv's, and more than a watch lives for.
    for (std::size_t i = 0; i < 5 * DiskWatcher::events_per_look_max; ++i)
      write(scratch / ("junk" + std::to_string(i % 50)), "x");
    write(file, rules(2));
    CHECK(world.await_limit(2));
    world.settle();
    write(file, rules(3));  // watched again
    CHECK(world.await_limit(3));
    CHECK(world.losses.empty());
  }

  TEST_CASE("the loop goes on while a large file is parsed") {
    const ScratchDirectory scratch;
    const fs::path file = scratch / "rules.yaml";
    write(file, rules(1));
    World world;
    world.start(file);
    std::string large = rules(2);
    for (int i = 0; i < 3000; ++i)
      large +=
          fmt::format("  - {{name: r{}, match: {{p: a{}}}, limits: [{{requests: 1, per: 1s}}]}}\n", i, i);
    replace(file, large);
    world.watcher->look_now();
    int turns = 0;
    CHECK(world.run_until([&] {
      ++turns;
      return world.limit() == 2;
    }));
    CHECK(turns > 5);  // of the waker's timer; if the loop had parsed, one
    CHECK(world.configs.back().rules.rules.size() == 3001);
  }

  TEST_CASE("what can be made of a configuration is made in the thread that reads it, and used in the loop") {
    const ScratchDirectory scratch;
    const fs::path file = scratch / "rules.yaml";
    write(file, rules(1));
    World world;
    std::atomic<int> prepared = 0;
    std::thread::id preparing;
    std::vector<std::pair<Hits, std::thread::id>> used;
    world.prepare = [&](const ConfigFile& config) -> ConfigWatcher::Sequel {
      ++prepared;
      preparing = std::this_thread::get_id();
      return [&used, requests = config.rules.rules[0].limits[0].requests] {
        used.emplace_back(requests, std::this_thread::get_id());
      };
    };
    world.start(file);
    CHECK(prepared == 0);  // the owner has read this one
    replace(file, rules(2));
    REQUIRE(world.await_limit(2));
    REQUIRE(used.size() == 1);
    CHECK(used[0] == std::pair(Hits{2}, std::this_thread::get_id()));
    CHECK(preparing != std::this_thread::get_id());
    replace(file, "rules: [");
    REQUIRE(world.await_problem("rules.yaml"));
    CHECK(prepared == 1);
  }

  TEST_CASE("the watcher may go at any time: while a thread reads, with events waiting, in its own call") {
    const ScratchDirectory scratch;
    const fs::path file = scratch / "rules.yaml";
    for (int turns = 0; turns < 30; ++turns) {
      write(file, rules(1));
      World world;
      world.start(file);
      write(file, rules(2));
      world.watcher->look_now();
      for (int i = 0; i < turns; ++i) uv_run(world.loop.get(), UV_RUN_NOWAIT);
      world.watcher.reset();
      const std::size_t news = world.configs.size();
      world.settle();
      CHECK(world.configs.size() == news);
    }
    for (const char* text : {"rulez: []\n", "learning: true\n"}) {
      World world;
      write(file, rules(1));
      world.start(file);
      world.on_news = [&] { world.watcher.reset(); };
      write(file, text);
      CHECK(world.run_until([&] { return !world.watcher.has_value(); }));
    }
  }
}

}  // namespace
}  // namespace starling
