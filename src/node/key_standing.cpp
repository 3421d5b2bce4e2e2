#include "node/key_standing.hpp"

#include <fmt/format.h>

#include <utility>

#include "node/key_file.hpp"
#include "node/troubles.hpp"

namespace starling {

void KeyStanding::on_replaced(Instant now) {
  error_.clear();
  ++reloads_.ok;
  last_reload_ = now;
}

void KeyStanding::on_refused(std::string problem, Instant now) {
  error_ = std::move(problem);
  ++reloads_.failed;
  last_reload_ = now;
}

void KeyStanding::on_dropped(const Error& error, const Address& from, Instant now) {
  switch (error.code) {
    case ErrorCode::sealed:
      return sealed_from_.add(from, now);
    case ErrorCode::not_sealed:
      return not_sealed_from_.add(from, now);
    case ErrorCode::bad_seal:
      return bad_seal_from_.add(from, now);
    case ErrorCode::unknown_key:
      return unknown_key_from_.add(from, now, error.detail);
    default:
      return;
  }
}

NodeStatus::Keys KeyStanding::status(const std::string& file, Instant now) const {
  constexpr Duration lately = Troubles::recent_for;
  NodeStatus::Keys keys{.file = file,
                        .error = error_,
                        .reloads = reloads_,
                        .sealed_from = sealed_from_.list(lately, now),
                        .not_sealed_from = not_sealed_from_.list(lately, now),
                        .bad_seal_from = bad_seal_from_.list(lately, now),
                        .unknown = {}};
  if (last_reload_)
    keys.reloads.last_ms_ago =
        std::chrono::duration_cast<std::chrono::milliseconds>(now - *last_reload_).count();
  for (const RecentSenders::Sender& sender : unknown_key_from_.senders(lately, now))
    keys.unknown.push_back(
        fmt::format("{} from {}", to_text(wire::KeyId{sender.detail}), sender.from.to_string()));
  return keys;
}

}  // namespace starling
