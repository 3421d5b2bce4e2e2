// Questions for names, and answers.
#include <algorithm>

#include "starling_generated.h"
#include "wire/codec.hpp"
#include "wire/field.hpp"

namespace starling::wire {
namespace {

// Upper bound of a name without its texts: its offset, the table, and two lengths, ends and paddings.
constexpr std::size_t name_bytes = 4 + 40 + 2 * (4 + 1 + 3);

std::string_view text(const flatbuffers::String* string) {
  return string == nullptr ? std::string_view{} : string->string_view();
}

}  // namespace

std::span<const std::byte> Encoder::encode(const NamesQuery& query) {
  builder_.Clear();
  std::vector<std::uint64_t> keys;
  for (const CounterKey key : query.keys) {
    if (keys.size() == keys_per_query_max) break;
    keys.push_back(key.value);
  }
  builder_.Finish(
      fb::CreateNamesQuery(builder_, query.sender.value, query.recipient.value, builder_.CreateVector(keys)));
  return finish(Kind::names_query);
}

std::span<const std::byte> Encoder::encode(const Names& names) {
  builder_.Clear();
  std::vector<flatbuffers::Offset<fb::CounterName>> all;
  for (const CounterName& name : names.names) {
    const auto rule = builder_.CreateSharedString(name.rule);  // most are of few rules
    const auto principal = builder_.CreateString(name.principal);
    all.push_back(
        fb::CreateCounterName(builder_, name.key.value, name.limit, name.window_s, rule, principal));
  }
  builder_.Finish(
      fb::CreateNames(builder_, names.sender.value, names.recipient.value, builder_.CreateVector(all)));
  return finish(Kind::names);
}

bool NamesSize::add(const CounterName& name) {
  // A rule's name is written once, but counted each time: the bound need not be tight.
  const std::size_t more = name_bytes + name.rule.size() + name.principal.size();
  if (names_count_ == names_per_answer_max || bytes_ + more > datagram_bytes_max) return false;
  bytes_ += more;
  ++names_count_;
  return true;
}

Result<const NamesQuery*> Decoder::names_query() {
  const auto* table = verified_root<fb::NamesQuery>();
  if (table == nullptr || !is_aligned(table->keys(), alignof(std::uint64_t)))
    return fail(ErrorCode::malformed);
  if (!may_say(OriginId{table->sender()})) return tl::unexpected(bad(Field::sender));
  if (table->keys() == nullptr || table->keys()->size() == 0 || table->keys()->size() > keys_per_query_max)
    return tl::unexpected(bad(Field::names_keys));
  names_query_.sender = OriginId{table->sender()};
  names_query_.recipient = OriginId{table->recipient()};
  names_query_.keys.clear();
  for (const std::uint64_t key : *table->keys()) names_query_.keys.push_back(CounterKey{key});
  return &names_query_;
}

Result<const Names*> Decoder::names() {
  const auto* table = verified_root<fb::Names>();
  if (table == nullptr) return fail(ErrorCode::malformed);
  if (!may_say(OriginId{table->sender()})) return tl::unexpected(bad(Field::sender));
  if (table->names() == nullptr || table->names()->size() == 0 ||
      table->names()->size() > names_per_answer_max)
    return tl::unexpected(bad(Field::names_list));
  names_.sender = OriginId{table->sender()};
  names_.recipient = OriginId{table->recipient()};
  names_.names.clear();
  for (const fb::CounterName* name : *table->names()) {
    if (name->window_s() == 0) return tl::unexpected(bad(Field::window_length));
    const std::string_view rule = text(name->rule());
    const std::string_view principal = text(name->principal());
    if (rule.size() > rule_name_bytes_max) return tl::unexpected(bad(Field::names_rule));
    if (principal.size() > principal_bytes_max) return tl::unexpected(bad(Field::names_principal));
    names_.names.push_back(CounterName{.key = CounterKey{name->key()},
                                       .limit = name->limit(),
                                       .window_s = name->window_s(),
                                       .rule = std::string(rule),
                                       .principal = std::string(principal)});
  }
  return &names_;
}

}  // namespace starling::wire
