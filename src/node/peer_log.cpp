#include "node/peer_log.hpp"

namespace starling {

void PeerLog::say(const Change& change, Instant now) {
  if (!log_->should_log(change.level)) return;
  tend(now);
  if (rows_.empty() && unsaid_of_others_ == 0) minute_ends_ = now + minute;
  const auto found = rows_.find(change.address);
  if (found == rows_.end() && rows_.size() == addresses_max) {
    ++unsaid_of_others_;
    return;
  }
  Row& row = found == rows_.end() ? rows_[change.address] : found->second;
  const std::string_view name = change.name.empty() ? "?" : change.name;
  if (row.lines == lines_per_address_max) {
    ++row.unsaid;
    row.last = change.what;
    row.name = name;
    return;
  }
  ++row.lines;
  log_->log(change.level,
            {{"peer", name}, {"address", change.address.to_string()}, {"origin", change.origin}}, "{}",
            change.what);
}

void PeerLog::tend(Instant now) {
  if (now < minute_ends_ || (rows_.empty() && unsaid_of_others_ == 0)) return;
  tell_sums();
  rows_.clear();
  unsaid_of_others_ = 0;
}

void PeerLog::tell_sums() {
  std::size_t told = 0;
  for (const auto& [address, row] : rows_) {
    if (row.unsaid == 0) continue;
    if (told++ < summed_max)
      log_->warn(
          {{"peer", row.name}, {"address", address.to_string()}, {"count", row.unsaid}},
          "peer comes and goes: changes of the last minute had no lines of their own; the last was: {}",
          row.last);
    else
      unsaid_of_others_ += row.unsaid;
  }
  if (unsaid_of_others_ > 0)
    log_->warn({{"count", unsaid_of_others_}},
               "peers come and go: changes of the last minute had no lines of their own");
}

}  // namespace starling
