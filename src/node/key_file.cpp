#include "node/key_file.hpp"

#include <fmt/format.h>
#include <sodium.h>

#include <utility>

#include "base/check.hpp"
#include "base/shown_text.hpp"
#include "node/secret_file.hpp"

namespace starling {
namespace {

constexpr std::string_view blank = " \t\r";
constexpr std::string_view plain_word = "plain";
constexpr std::string_view expected_entry =
    "expected a key of 32 bytes in base64, as `starling keygen` prints it, or the word `plain`";

/// Without blanks around it, and without a comment.
std::string_view entry_of(std::string_view line) {
  line = line.substr(0, line.find('#'));
  const auto first = line.find_first_not_of(blank);
  if (first == std::string_view::npos) return {};
  return line.substr(first, line.find_last_not_of(blank) - first + 1);
}

/// Reads the entries one after the other.
class Reader {
 public:
  explicit Reader(const std::string& name) : name_(shown(name)) {
    ring_.keys.reserve(wire::keys_per_ring_max);
  }

  /// Returns what is wrong, or nothing.
  std::optional<std::string> read(std::string_view entry, std::size_t line);
  tl::expected<wire::KeyRing, std::string> finish() &&;

 private:
  std::optional<std::string> read_plain(std::size_t line);
  std::optional<std::string> read_key(std::string_view entry, std::size_t line);
  std::string at(std::size_t line, std::string_view what) const {
    return fmt::format("{}:{}: {}", name_, line, what);
  }

  const std::string name_;
  wire::KeyRing ring_{.keys = {}, .plain = wire::PlainPackets::refused};
  std::vector<std::size_t> lines_;  // of the keys
  std::size_t plain_line_ = 0;      // 0: there is none
};

std::optional<std::string> Reader::read(std::string_view entry, std::size_t line) {
  return entry == plain_word ? read_plain(line) : read_key(entry, line);
}

std::optional<std::string> Reader::read_plain(std::size_t line) {
  if (plain_line_ != 0)
    return at(line, fmt::format("`plain` stands in line {} already; remove one of the two", plain_line_));
  plain_line_ = line;
  ring_.plain = ring_.keys.empty() ? wire::PlainPackets::sent : wire::PlainPackets::accepted;
  return std::nullopt;
}

std::optional<std::string> Reader::read_key(std::string_view entry, std::size_t line) {
  if (ring_.keys.size() == wire::keys_per_ring_max)
    return at(line, fmt::format("expected at most {} keys, found more; remove those that no node seals with "
                                "any more (`starling peers -o wide` shows who uses which)",
                                wire::keys_per_ring_max));
  wire::MasterKey key;
  std::size_t bytes = 0;
  const char* end = nullptr;
  const int rc = sodium_base642bin(key.bytes.data(), key.bytes.size(), entry.data(), entry.size(), nullptr,
                                   &bytes, &end, sodium_base64_VARIANT_ORIGINAL);
  const bool whole = rc == 0 && end == entry.data() + entry.size();
  if (!whole || bytes != key.bytes.size())
    return at(line, whole ? fmt::format("{}, found a key of {} bytes", expected_entry, bytes)
                          : fmt::format("{}, found {} characters that are something else", expected_entry,
                                        entry.size()));
  if (sodium_is_zero(key.bytes.data(), key.bytes.size()) == 1)
    return at(line,
              "expected 32 random bytes, found zeros alone, which everybody guesses; `starling keygen` makes "
              "a key");
  const wire::KeyId id = key.id();
  for (std::size_t i = 0; i < ring_.keys.size(); ++i)
    if (ring_.keys[i].id() == id)
      return at(line, fmt::format("key {} stands in line {} already; remove one of the two", to_text(id),
                                  lines_[i]));
  ring_.keys.push_back(key);
  lines_.push_back(line);
  return std::nullopt;
}

tl::expected<wire::KeyRing, std::string> Reader::finish() && {
  if (!ring_.keys.empty()) return std::move(ring_);
  return tl::unexpected(fmt::format("{}: expected at least one key, found {}; `starling keygen` makes one",
                                    name_, plain_line_ == 0 ? "none" : "`plain` alone"));
}

}  // namespace

tl::expected<wire::KeyRing, std::string> parse_keys(std::string_view text, const std::string& name) {
  if (text.size() > key_file_bytes_max)
    return tl::unexpected(fmt::format("{}: expected a key file of at most {} bytes, found more", shown(name),
                                      key_file_bytes_max));
  Reader reader(name);
  for (std::size_t line = 1; !text.empty(); ++line) {
    const std::size_t end = text.find('\n');
    const std::string_view entry = entry_of(text.substr(0, end));
    if (!entry.empty())
      if (auto wrong = reader.read(entry, line)) return tl::unexpected(std::move(*wrong));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return std::move(reader).finish();
}

tl::expected<wire::KeyRing, std::string> read_key_file(const std::string& path) {
  const auto text = read_secret_file(path, {.expected = "a file with keys, one a line",
                                            .bytes_max = key_file_bytes_max + 1,
                                            .mode_hint = " (in Kubernetes: defaultMode: 0440 and fsGroup)"});
  if (!text) return tl::unexpected(text.error());
  return parse_keys(text->view(), path);
}

NewKey::NewKey() {
  wire::MasterKey key;
  randombytes_buf(key.bytes.data(), key.bytes.size());
  static_assert(key_text_bytes + 1 ==
                sodium_base64_ENCODED_LEN(wire::master_key_bytes, sodium_base64_VARIANT_ORIGINAL));
  STARLING_CHECK(sodium_bin2base64(text_.data(), text_.size(), key.bytes.data(), key.bytes.size(),
                                   sodium_base64_VARIANT_ORIGINAL) != nullptr);
  text_.back() = '\n';
}

NewKey::~NewKey() {
  sodium_memzero(text_.data(), text_.size());
}

std::string to_text(wire::KeyId id) {
  return fmt::format("{:08x}", id.value);
}

std::string to_text(const std::vector<wire::KeyId>& ids, wire::PlainPackets plain) {
  std::string text = plain == wire::PlainPackets::sent ? std::string(plain_word) : std::string();
  const auto add = [&](std::string_view word) {
    if (!text.empty()) text += ',';
    text += word;
  };
  for (const wire::KeyId id : ids) add(to_text(id));
  if (plain == wire::PlainPackets::accepted) add(plain_word);
  return text;
}

std::string to_text(const wire::KeyRing& ring) {
  std::vector<wire::KeyId> ids;
  for (const wire::MasterKey& key : ring.keys) ids.push_back(key.id());
  return to_text(ids, ring.plain);
}

}  // namespace starling
