#include "node/config_source.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include "scratch_directory.hpp"

namespace starling {
namespace {

namespace fs = std::filesystem;

std::string only_problem(const tl::expected<ConfigTexts, ConfigProblems>& read, bool is_missing = true) {
  REQUIRE_FALSE(read.has_value());
  REQUIRE(read.error().lines.size() == 1);
  CHECK(read.error().is_missing == is_missing);
  return read.error().lines.front();
}

std::vector<std::string> names(const ConfigTexts& texts) {
  std::vector<std::string> out;
  for (const ConfigText& text : texts) out.push_back(fs::path(text.file).filename().string());
  return out;
}

TEST_SUITE("node.config_source") {
  TEST_CASE("a file is read as it is, and named as it was given") {
    const ScratchDirectory scratch;
    const std::string text("rules: []\n\0x", 12);
    write(scratch / "rules", text);
    const auto read = read_config_texts((scratch / "rules").string());
    REQUIRE(read);
    CHECK(*read == ConfigTexts{{(scratch / "rules").string(), text}});
  }

  TEST_CASE("of a directory, the YAML files are read by name, and none that begins with a dot") {
    const ScratchDirectory scratch;
    for (const char* name :
         {"b.yml", "a.yaml", "c.yaml", ".hidden.yaml", "a.yaml~", "notes.txt", "..data.yaml", "yaml"})
      write(scratch / name, name);
    const auto read = read_config_texts(scratch.text() + "/");
    REQUIRE(read);
    CHECK(names(*read) == std::vector<std::string>{"a.yaml", "b.yml", "c.yaml"});
    CHECK((*read)[0].text == "a.yaml");
  }

  TEST_CASE("symlinks are followed, as in a mounted ConfigMap") {
    const ScratchDirectory scratch;
    fs::create_directory(scratch / "..1");
    write(scratch / "..1/a.yaml", "learning: true\n");
    fs::create_symlink("..1", scratch / "..data");
    fs::create_symlink("..data/a.yaml", scratch / "a.yaml");
    const auto read = read_config_texts(scratch.text());
    REQUIRE(read);
    REQUIRE(read->size() == 1);
    CHECK(read->front().text == "learning: true\n");
  }

  TEST_CASE("what cannot be read is one line that names it") {
    const ScratchDirectory scratch;
    const std::string missing = (scratch / "missing").string();
    CHECK(only_problem(read_config_texts(missing)) == missing +
                                                          ": expected a readable YAML file or a directory of "
                                                          "them, found: No such file or directory; check the "
                                                          "path given by --config or STARLING_CONFIG");
    CHECK(only_problem(read_config_texts(scratch.text()))
              .starts_with(scratch.text() +
                           ": expected at least one file *.yaml or *.yml in this directory, found none"));
    fs::create_symlink("nowhere", scratch / "a.yaml");
    CHECK(only_problem(read_config_texts(scratch.text())).find("a.yaml: expected a readable YAML file") !=
          std::string::npos);
    fs::remove(scratch / "a.yaml");
    fs::create_directory(scratch / "a.yaml");
    CHECK(only_problem(read_config_texts(scratch.text())).find("found: a directory;") != std::string::npos);
  }

  TEST_CASE("what could block or never end is refused, and not read") {
    const ScratchDirectory scratch;
    write(scratch / "a.yaml", "rules: []\n");
    const std::string pipe = (scratch / "b.yaml").string();
    REQUIRE(mkfifo(pipe.c_str(), 0600) == 0);
    CHECK(only_problem(read_config_texts(scratch.text()))
              .starts_with(pipe + ": expected a readable YAML file or a directory of them, found: a pipe;"));
    CHECK(only_problem(read_config_texts(pipe)).find("found: a pipe;") != std::string::npos);
    CHECK(only_problem(read_config_texts("/dev/zero")).find("found: a device;") != std::string::npos);
    CHECK(config_fingerprint(scratch.text()) == config_fingerprint(scratch.text()));
  }

  TEST_CASE("the number of files and their size are bounded") {
    const ScratchDirectory scratch;
    for (std::size_t i = 0; i < config_files_max; ++i) write(scratch / (std::to_string(i) + ".yaml"), "");
    CHECK(read_config_texts(scratch.text())->size() == config_files_max);
    write(scratch / "one-more.yaml", "");
    CHECK(only_problem(read_config_texts(scratch.text()), false).find("expected at most 1000 files") !=
          std::string::npos);
    write(scratch / "large", std::string(config_bytes_max + 100'000, '#'));
    const auto large = read_config_texts((scratch / "large").string());
    REQUIRE(large);
    CHECK(large->front().text.size() > config_bytes_max);
    CHECK(large->front().text.size() <= config_bytes_max + 64 * 1024);
    const auto understood = understand_config(*large);
    REQUIRE_FALSE(understood.has_value());
    CHECK(understood.error().lines.front().find("expected at most 16777216 bytes") != std::string::npos);
  }

  TEST_CASE("the meaning is that of all texts, or one line for each error") {
    const auto good = understand_config({{"a", "learning: true\n"}, {"b", "rules: []\n"}});
    REQUIRE(good);
    CHECK(good->rules.learning);
    const auto bad = understand_config({{"a", "rulez: []\nlearning: 1\n"}});
    REQUIRE_FALSE(bad.has_value());
    REQUIRE(bad.error().lines.size() == 2);
    CHECK_FALSE(bad.error().is_missing);
    CHECK(bad.error().lines[1] == "a:2:11: learning: expected true or false, found \"1\"");
  }

  TEST_CASE("the fingerprint changes with content, replacement, and what is there") {
    const ScratchDirectory scratch;
    const std::string file = (scratch / "a.yaml").string();
    write(file, "1");
    const std::string first = config_fingerprint(file);
    const std::string first_of_all = config_fingerprint(scratch.text());
    CHECK(config_fingerprint(file) == first);
    write(file, "22");
    const std::string longer = config_fingerprint(file);
    CHECK(longer != first);
    CHECK(config_fingerprint(scratch.text()) != first_of_all);
    write(scratch / "new", "33");
    fs::rename(scratch / "new", file);
    CHECK(config_fingerprint(file) != longer);
    const std::string one = config_fingerprint(scratch.text());
    write(scratch / "notes.txt", "");
    CHECK(config_fingerprint(scratch.text()) == one);
    write(scratch / "b.yaml", "");
    CHECK(config_fingerprint(scratch.text()) != one);
    fs::remove(file);
    CHECK(config_fingerprint(file) != longer);
    CHECK(config_fingerprint(file) == config_fingerprint(file));
  }

  TEST_CASE("changes show in the directory of a file, or in the directory itself") {
    const ScratchDirectory scratch;
    CHECK(config_directory(scratch.text()) == scratch.text());
    CHECK(config_directory((scratch / "a.yaml").string()) == scratch.text());
    CHECK(config_directory("rules.yaml") == ".");
    CHECK(config_directory("/rules.yaml") == "/");
  }

  TEST_CASE("what lives beside the configuration does not concern it") {
    for (const char* name : {"rules", "..data", "other.yaml", "..2026_01_01"})
      CHECK(concerns_config("/etc/x/rules", name));
    for (const char* name : {"rules~", ".rules.swp", "4913", "log", ""})
      CHECK_FALSE(concerns_config("/etc/x/rules", name));
  }
}

}  // namespace
}  // namespace starling
