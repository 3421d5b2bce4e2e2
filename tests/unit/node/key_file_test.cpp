#include "node/key_file.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <sodium.h>
#include <sys/stat.h>

#include <string>

#include "node/secret_file.hpp"
#include "scratch_directory.hpp"

namespace starling {
namespace {

std::string base64(const std::string& bytes) {
  std::string text(sodium_base64_ENCODED_LEN(bytes.size(), sodium_base64_VARIANT_ORIGINAL), '\0');
  sodium_bin2base64(text.data(), text.size(), reinterpret_cast<const unsigned char*>(bytes.data()),
                    bytes.size(), sodium_base64_VARIANT_ORIGINAL);
  text.pop_back();
  return text;
}

std::string key(char fill) {
  return base64(std::string(32, fill));
}

wire::KeyRing ring(std::string_view text) {
  const auto parsed = parse_keys(text, "keys");
  if (!parsed) FAIL(parsed.error());
  REQUIRE(parsed.has_value());
  return *parsed;
}

/// What is wrong with it. Whatever it is, the message is one line without a word of the text.
std::string fault(std::string_view text) {
  const auto parsed = parse_keys(text, "keys");
  REQUIRE_FALSE(parsed.has_value());
  const std::string& said = parsed.error();
  CHECK(said.find('\n') == std::string::npos);
  for (std::size_t i = 0; i + 8 <= text.size(); ++i) {
    const std::string_view part = text.substr(i, 8);
    if (part.find_first_of(" #\n\r`") == std::string_view::npos) CHECK(said.find(part) == std::string::npos);
  }
  return said;
}

constexpr std::string_view expected =
    "expected a key of 32 bytes in base64, as `starling keygen` prints it, or the word `plain`";

}  // namespace

TEST_SUITE("node.key_file") {
  TEST_CASE("keys in the order of their lines, the first seals") {
    const wire::KeyRing two = ring(key('a') + "\n" + key('b') + "\n");
    REQUIRE(two.keys.size() == 2);
    CHECK(two.keys[0].bytes[31] == 'a');
    CHECK(two.keys[1].bytes[0] == 'b');
    CHECK(two.plain == wire::PlainPackets::refused);
    CHECK(two.seals());
  }

  TEST_CASE("`plain` is an entry: first it is what is sent, later it is taken") {
    CHECK(ring("plain\n" + key('a')).plain == wire::PlainPackets::sent);
    CHECK(ring(key('a') + "\nplain\n").plain == wire::PlainPackets::accepted);
    CHECK(ring(key('a') + "\nplain\n" + key('b')).plain == wire::PlainPackets::accepted);
  }

  TEST_CASE("blank lines, comments, blanks around entries and any line end") {
    const wire::KeyRing read =
        ring("# of June\r\n\r\n  " + key('a') + " \t# the new one\r\n   # nothing\n\tplain");
    CHECK(read.keys.size() == 1);
    CHECK(read.plain == wire::PlainPackets::accepted);
  }

  TEST_CASE("what is no key is refused with its line and what was expected") {
    CHECK(fault("# x\n\n" + base64(std::string(31, 'x'))) ==
          fmt::format("keys:3: {}, found a key of 31 bytes", expected));
    CHECK(fault(base64(std::string(33, 'x'))) ==
          fmt::format("keys:1: {}, found 44 characters that are something else", expected));
    CHECK(fault(key('a') + "\nsecret_hunter2_secret")
              .starts_with(fmt::format("keys:2: {}, found 21 characters", expected)));
    CHECK(fault(key('a') + " " + key('b')).starts_with("keys:1: expected a key"));
    CHECK(fault("Plain\n" + key('a')).starts_with("keys:1: expected a key"));
    CHECK(fault(key('a').substr(0, 43)).starts_with("keys:1: expected a key"));
    CHECK(fault(key('a') + std::string(1, '\0')).starts_with("keys:1: expected a key"));
  }

  TEST_CASE("a key of zeros is a mistake, not a key") {
    CHECK(fault("\n" + base64(std::string(32, '\0'))) ==
          "keys:2: expected 32 random bytes, found zeros alone, which everybody guesses; `starling keygen` "
          "makes "
          "a key");
    std::string almost(32, '\0');
    almost.back() = 1;
    CHECK(ring(base64(almost)).keys.size() == 1);
  }

  TEST_CASE("no key at all is refused") {
    CHECK(fault("") == "keys: expected at least one key, found none; `starling keygen` makes one");
    CHECK(fault("# none\n\n") == "keys: expected at least one key, found none; `starling keygen` makes one");
    CHECK(fault("plain\n") ==
          "keys: expected at least one key, found `plain` alone; `starling keygen` makes one");
  }

  TEST_CASE("the same entry twice is a mistake") {
    const std::string id = to_text(ring(key('a')).keys[0].id());
    CHECK(fault(key('a') + "\n" + key('b') + "\n" + key('a')) ==
          fmt::format("keys:3: key {} stands in line 1 already; remove one of the two", id));
    CHECK(fault("plain\n" + key('a') + "\nplain") ==
          "keys:3: `plain` stands in line 1 already; remove one of the two");
  }

  TEST_CASE("eight keys find room, a ninth does not, nor does a text without end") {
    std::string text = "plain\n";
    for (char fill = 'a'; fill < 'i'; ++fill) text += key(fill) + "\n";
    CHECK(ring(text).keys.size() == wire::keys_per_ring_max);
    CHECK(fault(text + key('i')).starts_with("keys:10: expected at most 8 keys, found more"));
    CHECK(fault(std::string(key_file_bytes_max, '#') + "\n")
              .starts_with("keys: expected a key file of at most 16384"));
    CHECK(ring(key('a') + std::string(key_file_bytes_max - key_text_bytes, '#')).keys.size() == 1);
  }

  TEST_CASE("a new key is a line that is read back, and never the same") {
    const NewKey one;
    const NewKey other;
    CHECK(one.line().size() == 45);
    CHECK(one.line() != other.line());
    CHECK(ring(std::string(one.line()) + std::string(other.line())).keys.size() == 2);
  }

  TEST_CASE("a ring is named by its ids, in the order of the file") {
    const std::string a = to_text(ring(key('a')).keys[0].id());
    CHECK(a.size() == 8);
    CHECK(to_text(ring(key('a'))) == a);
    CHECK(to_text(ring("plain\n" + key('a'))) == "plain," + a);
    CHECK(to_text(ring(key('a') + "\nplain")) == a + ",plain");
    CHECK(to_text(wire::KeyId{0xAB}) == "000000ab");
  }

  TEST_CASE("a file that others can read, or write, or that is no file, keeps no secret") {
    const ScratchDirectory at;
    const std::string path = (at / "keys").string();
    write(path, key('a') + "\n");
    for (const mode_t mode : {0600, 0640, 0440, 0400}) {
      REQUIRE(chmod(path.c_str(), mode) == 0);
      CHECK(read_key_file(path).has_value());
    }
    for (const mode_t mode : {0644, 0602, 0601}) {
      REQUIRE(chmod(path.c_str(), mode) == 0);
      CHECK(
          read_key_file(path).error() ==
          fmt::format(
              "{}: expected a file that only its owner and group can read, found mode {:04o}; `chmod o-rwx` "
              "it (in Kubernetes: defaultMode: 0440 and fsGroup)",
              path, mode));
    }
    CHECK(read_key_file(at.text()).error().ends_with(
        "expected a file with keys, one a line, found no regular file"));
    REQUIRE(mkfifo((at / "pipe").c_str(), 0600) == 0);
    CHECK(read_key_file((at / "pipe").string()).error().ends_with("found no regular file"));
    CHECK(read_key_file((at / "gone").string()).error().find("cannot read it: No such file") !=
          std::string::npos);
    REQUIRE(chmod(path.c_str(), 0600) == 0);
    std::filesystem::create_symlink(path, at / "link");
    CHECK(read_key_file((at / "link").string()).has_value());
  }
}

}  // namespace starling
