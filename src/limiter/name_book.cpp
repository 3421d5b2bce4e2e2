#include "limiter/name_book.hpp"

#include "base/check.hpp"

namespace starling {

NameBook::NameBook(std::size_t names_max) : names_max_(names_max) {
  STARLING_CHECK(names_max > 0 && names_max <= 0xFFFF'FFFF);
  // Reserved, not touched: a rehash would stall the request that happens to cause it.
  index_.reserve(names_max);
  rows_.reserve(names_max);
}

CounterName NameBook::name_of(const Row& row) {
  const std::string_view text = row.text;
  return CounterName{.rule = text.substr(0, row.rule_bytes),
                     .principal = text.substr(row.rule_bytes),
                     .window_s = row.window_s,
                     .limit = row.limit};
}

bool NameBook::touch(CounterKey key, Hits limit) {
  const auto found = index_.find(key);
  if (found == index_.end()) return false;
  Row& row = rows_[found->second];
  row.limit = limit;
  row.warm = true;
  return true;
}

std::uint32_t NameBook::take_row() {
  if (rows_.size() < names_max_) {
    rows_.emplace_back();
    return static_cast<std::uint32_t>(rows_.size() - 1);
  }
  // Ends within one round: what it passes is cold from then on.
  for (;;) {
    const std::uint32_t at = hand_;
    hand_ = (hand_ + 1) % static_cast<std::uint32_t>(rows_.size());
    if (!rows_[at].warm) {
      index_.erase(rows_[at].key);
      return at;
    }
    rows_[at].warm = false;
  }
}

void NameBook::put(CounterKey key, const CounterName& name) {
  const auto found = index_.find(key);
  const std::uint32_t at = found == index_.end() ? take_row() : found->second;
  if (found == index_.end()) index_.emplace(key, at);
  Row& row = rows_[at];
  const std::string_view rule = name.rule.substr(0, rule_text_bytes_max);
  row.key = key;
  row.limit = name.limit;
  row.window_s = name.window_s;
  row.rule_bytes = static_cast<std::uint16_t>(rule.size());
  row.warm = found != index_.end();
  row.text.assign(rule);  // keeps its memory: a full book allocates only for a longer text
  row.text.append(name.principal.substr(0, principal_text_bytes_max));
}

std::optional<CounterName> NameBook::find(CounterKey key) {
  const auto found = index_.find(key);
  if (found == index_.end()) return std::nullopt;
  rows_[found->second].warm = true;
  return name_of(rows_[found->second]);
}

std::optional<CounterName> NameBook::peek(CounterKey key) const {
  const auto found = index_.find(key);
  if (found == index_.end()) return std::nullopt;
  return name_of(rows_[found->second]);
}

}  // namespace starling
