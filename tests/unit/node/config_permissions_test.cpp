#include "node/config_permissions.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <string>

#include "scratch_directory.hpp"

namespace starling {
namespace {

namespace fs = std::filesystem;

void set_mode(const fs::path& path, unsigned mode) {
  fs::permissions(path, static_cast<fs::perms>(mode));
}

}  // namespace

TEST_SUITE("node.config_permissions") {
  TEST_CASE("a file that everybody can change is told, with its mode and what to do") {
    const ScratchDirectory scratch;
    const fs::path file = scratch / "rules.yaml";
    write(file, "rules: []");
    for (const unsigned mode : {0644U, 0600U, 0664U, 0640U}) {
      set_mode(file, mode);
      CHECK(writable_by_all(file).empty());
    }
    set_mode(file, 0666);
    const auto lines = writable_by_all(file);
    REQUIRE(lines.size() == 1);
    CHECK(lines[0].starts_with(file.string().substr(0, 80) + ": expected"));
    CHECK(lines[0].find("0666") != std::string::npos);
    CHECK(lines[0].find("chmod o-w") != std::string::npos);
    CHECK(writable_by_all(scratch / "not-there").empty());
  }

  TEST_CASE("links have no mode, what they lead to has: as a ConfigMap is laid out") {
    const ScratchDirectory scratch;
    fs::create_directory(scratch / "..2026");
    write(scratch / "..2026/rules.yaml", "rules: []");
    fs::create_directory_symlink("..2026", scratch / "..data");
    fs::create_symlink("..data/rules.yaml", scratch / "rules.yaml");
    CHECK(writable_by_all(scratch / "rules.yaml").empty());
    CHECK(writable_by_all(scratch.text()).empty());
    set_mode(scratch / "..2026/rules.yaml", 0646);
    CHECK(writable_by_all(scratch / "rules.yaml").size() == 1);
    CHECK(writable_by_all(scratch.text()).size() == 1);
    set_mode(scratch / "..2026/rules.yaml", 0644);
    set_mode(scratch / "..2026", 0777);  // where another file could take its place
    CHECK(writable_by_all(scratch / "rules.yaml").size() == 1);
  }

  TEST_CASE(
      "a directory in which files can be replaced is told, one in which they can only be added is not") {
    const ScratchDirectory scratch;
    fs::create_directory(scratch / "d");
    write(scratch / "d/rules.yaml", "rules: []");
    set_mode(scratch / "d", 0777);
    CHECK(writable_by_all(scratch / "d/rules.yaml").size() == 1);
    set_mode(scratch / "d", 01777);
    CHECK(writable_by_all(scratch / "d/rules.yaml").empty());
    CHECK(writable_by_all(scratch / "d").size() == 1);  // of a directory every file has rules
    CHECK(writable_by_all((scratch / "d").string() + "/").size() == 1);
    set_mode(scratch / "d", 0755);
    set_mode(scratch / "d/rules.yaml", 0666);
    CHECK(writable_by_all(scratch / "d").size() == 1);
  }

  TEST_CASE(
      "of keys the directories count, the path's and the file's own: not the file, whose reader looks") {
    const ScratchDirectory scratch;
    for (const char* const name : {"links", "real"}) fs::create_directory(scratch / name);
    write(scratch / "real/keys", "");
    fs::create_symlink("../real/keys", scratch / "links/keys");
    const fs::path path = scratch / "links/keys";
    set_mode(scratch / "real/keys", 0666);
    CHECK(replaceable_by_all(path).empty());
    CHECK(replaceable_by_all(scratch / "not-there").empty());
    for (const char* const name : {"links", "real"}) {
      CAPTURE(name);
      set_mode(scratch / name, 0777);
      const auto lines = replaceable_by_all(path);
      REQUIRE(lines.size() == 1);
      CHECK(lines[0].find("a directory of keys") != std::string::npos);
      CHECK(lines[0].find("mode 0777") != std::string::npos);
      set_mode(scratch / name, 01777);  // others may add files, but not replace them
      CHECK(replaceable_by_all(path).empty());
      set_mode(scratch / name, 0755);
    }
  }
}

}  // namespace starling
