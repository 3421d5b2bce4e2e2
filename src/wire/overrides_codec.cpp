// Live overrides on the wire: both ways in one place, for each is the other's mirror.
#include <algorithm>
#include <string_view>

#include "base/plain_text.hpp"
#include "starling_generated.h"
#include "wire/codec.hpp"
#include "wire/field.hpp"

namespace starling::wire {
namespace {

// Upper bounds: tables with their vtables and padding; vectors with length, offset and padding.
constexpr std::size_t entry_bytes = 116;
constexpr std::size_t match_bytes = 36;
constexpr std::size_t vector_bytes = 16;
constexpr std::uint8_t matcher_kinds_count = 3;

/// Length, NUL and padding; nothing at all for an empty text.
std::size_t text_bytes(std::string_view text) {
  return text.empty() ? 0 : text.size() + 8;
}

using Builder = flatbuffers::FlatBufferBuilder;

flatbuffers::Offset<flatbuffers::String> write(Builder& builder, std::string_view text) {
  return text.empty() ? 0 : builder.CreateString(text.data(), text.size());
}

flatbuffers::Offset<fb::Override> write(Builder& builder, const OverrideEntry& entry) {
  std::vector<flatbuffers::Offset<fb::OverrideMatch>> matches;
  for (const OverrideMatch& match : entry.match) {
    const auto key = write(builder, match.key);
    const auto text = write(builder, match.text);
    matches.push_back(fb::CreateOverrideMatch(builder, key, match.kind, text));
  }
  std::vector<fb::OverrideLimit> limits;
  for (const OverrideLimit& limit : entry.limits) limits.emplace_back(limit.requests, limit.window_s);
  const auto matches_at = matches.empty() ? 0 : builder.CreateVector(matches);
  const auto limits_at = limits.empty() ? 0 : builder.CreateVectorOfStructs(limits);
  const auto rule = write(builder, entry.rule);
  const auto principal = write(builder, entry.principal);
  const auto set_by = write(builder, entry.set_by);
  const auto set_on = write(builder, entry.set_on);
  return fb::CreateOverride(builder, entry.kind, rule, principal, matches_at, limits_at, entry.unlimited,
                            entry.learning, entry.deleted, entry.wall_ms, entry.logical, entry.origin.value,
                            entry.expires_ms, set_by, set_on);
}

bool read_text(const flatbuffers::String* text, std::size_t bytes_max, std::string& out) {
  out = text == nullptr ? std::string_view{} : text->string_view();
  return out.size() <= bytes_max && is_plain_text(out);
}

Result<void> read_match(const fb::Override& table, OverrideEntry& out) {
  if (table.match() == nullptr) return {};
  if (table.match()->size() > override_matches_max) return tl::unexpected(bad(Field::override_match));
  for (const fb::OverrideMatch* match : *table.match()) {
    OverrideMatch& read = out.match.emplace_back();
    read.kind = match->kind();
    if (!read_text(match->key(), override_name_bytes_max, read.key) ||
        !read_text(match->text(), override_text_bytes_max, read.text))
      return tl::unexpected(bad(Field::override_text));
    const bool sorted = out.match.size() == 1 || out.match[out.match.size() - 2].key < read.key;
    if (read.key.empty() || !sorted) return tl::unexpected(bad(Field::override_match));
  }
  return {};
}

Result<void> read_limits(const fb::Override& table, OverrideEntry& out) {
  if (table.limits() == nullptr) return {};
  if (!is_aligned(table.limits())) return fail(ErrorCode::malformed);
  if (table.limits()->size() > override_limits_max) return tl::unexpected(bad(Field::override_limits));
  for (const fb::OverrideLimit* limit : *table.limits()) {
    const OverrideLimit read{limit->requests(), limit->window_s()};
    const bool known = std::any_of(out.limits.begin(), out.limits.end(), [&](const OverrideLimit& other) {
      return other.window_s == read.window_s;
    });
    if (known || read.window_s == 0 || read.window_s > override_window_s_max ||
        read.requests > override_requests_max)
      return tl::unexpected(bad(Field::override_limits));
    out.limits.push_back(read);
  }
  return {};
}

Result<void> read_entry(const fb::Override& table, OverrideEntry& out) {
  out.kind = table.kind();
  if (!read_text(table.rule(), override_name_bytes_max, out.rule) ||
      !read_text(table.principal(), override_text_bytes_max, out.principal) ||
      !read_text(table.set_by(), name_bytes_max, out.set_by) ||
      !read_text(table.set_on(), name_bytes_max, out.set_on))
    return tl::unexpected(bad(Field::override_text));
  if (const auto read = read_match(table, out); !read) return read;
  if (const auto read = read_limits(table, out); !read) return read;
  out.unlimited = table.unlimited();
  out.learning = table.learning();
  out.deleted = table.deleted();
  out.wall_ms = table.wall_ms();
  out.logical = table.logical();
  out.origin = OriginId{table.origin()};
  out.expires_ms = table.expires_ms();
  if (out.origin == OriginId{} || out.wall_ms > wall_ms_max)
    return tl::unexpected(bad(Field::override_stamp));
  if (out.expires_ms > wall_ms_max) return tl::unexpected(bad(Field::override_expiry));
  if (override_bytes(out) > override_bytes_max) return tl::unexpected(bad(Field::override_text));
  return {};
}

/// Made by a later version, for which other bounds may hold.
bool is_unknown(const fb::Override& table) {
  if (table.kind() >= override_kinds_count) return true;
  return table.match() != nullptr &&
         std::any_of(table.match()->begin(), table.match()->end(),
                     [](const fb::OverrideMatch* match) { return match->kind() >= matcher_kinds_count; });
}

}  // namespace

std::size_t override_bytes(const OverrideEntry& entry) {
  std::size_t bytes = entry_bytes + text_bytes(entry.rule) + text_bytes(entry.principal) +
                      text_bytes(entry.set_by) + text_bytes(entry.set_on);
  if (!entry.match.empty()) bytes += vector_bytes;
  for (const OverrideMatch& match : entry.match)
    bytes += match_bytes + text_bytes(match.key) + text_bytes(match.text);
  if (!entry.limits.empty()) bytes += vector_bytes + entry.limits.size() * sizeof(fb::OverrideLimit);
  return bytes;
}

std::span<const std::byte> Encoder::encode(const Overrides& overrides) {
  builder_.Clear();
  std::vector<flatbuffers::Offset<fb::Override>> entries;
  for (const OverrideEntry& entry : overrides.entries) entries.push_back(write(builder_, entry));
  const auto entries_at = entries.empty() ? 0 : builder_.CreateVector(entries);
  builder_.Finish(fb::CreateOverrides(builder_, overrides.sender.value, overrides.recipient.value,
                                      overrides.question, overrides.from, overrides.to, overrides.last,
                                      entries_at));
  return finish(Kind::overrides);
}

std::span<const std::byte> Encoder::encode(const OverridesQuery& query) {
  builder_.Clear();
  const auto buckets_at = builder_.CreateVector(query.buckets.data(), query.buckets.size());
  builder_.Finish(fb::CreateOverridesQuery(builder_, query.sender.value, query.recipient.value,
                                           query.question, query.after, buckets_at));
  return finish(Kind::overrides_query);
}

Result<const Overrides*> Decoder::overrides() {
  const auto* table = verified_root<fb::Overrides>();
  if (table == nullptr) return fail(ErrorCode::malformed);
  Overrides& out = overrides_;
  out.sender = OriginId{table->sender()};
  out.recipient = OriginId{table->recipient()};
  out.question = table->question();
  out.from = table->from();
  out.to = table->to();
  out.last = table->last();
  out.entries.clear();
  out.unknown_count = 0;
  if (!may_say(out.sender)) return tl::unexpected(bad(Field::sender));
  if (out.from > out.to) return tl::unexpected(bad(Field::override_range));
  if (table->entries() == nullptr) return &out;
  if (table->entries()->size() > overrides_per_packet_max)
    return tl::unexpected(bad(Field::override_entries));
  for (const fb::Override* entry : *table->entries()) {
    if (is_unknown(*entry)) {
      ++out.unknown_count;
      continue;
    }
    const auto read = read_entry(*entry, out.entries.emplace_back());
    if (!read) return tl::unexpected(read.error());
  }
  return &out;
}

Result<const OverridesQuery*> Decoder::overrides_query() {
  const auto* table = verified_root<fb::OverridesQuery>();
  if (table == nullptr) return fail(ErrorCode::malformed);
  if (!is_aligned(table->buckets(), sizeof(std::uint64_t))) return fail(ErrorCode::malformed);
  OverridesQuery& out = overrides_query_;
  out.sender = OriginId{table->sender()};
  out.recipient = OriginId{table->recipient()};
  out.question = table->question();
  out.after = table->after();
  if (!may_say(out.sender)) return tl::unexpected(bad(Field::sender));
  if (table->buckets() == nullptr || table->buckets()->size() != override_buckets_count)
    return tl::unexpected(bad(Field::override_buckets));
  std::copy_n(table->buckets()->begin(), override_buckets_count, out.buckets.begin());
  return &out;
}

}  // namespace starling::wire
