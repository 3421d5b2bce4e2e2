#include "node/trouble_words.hpp"

#include <chrono>
#include <string>
#include <string_view>

namespace starling {
namespace {

using std::chrono::seconds;

struct Words {
  LogLevel level = LogLevel::warn;
  seconds said_every{60};
  std::string_view text;  ///< empty: told elsewhere, when it happens
};

Words words_of(Trouble trouble) {
  switch (trouble) {
    case Trouble::decisions_failed:
      return {LogLevel::error, seconds(10),
              "requests could not be decided, and passed unless their gateway says otherwise"};
    case Trouble::truncated:
      return {LogLevel::warn, seconds(10),
              "requests were held to 128 limits only, and more applied: send fewer descriptors, or let fewer "
              "rules match one"};
    case Trouble::dns_failed:
      return {LogLevel::warn, seconds(10), "neighborhood"};
    case Trouble::accept_failed:
      return {LogLevel::error, seconds(10),
              "connections could not be accepted, mostly for want of file descriptors: raise LimitNOFILE= or "
              "ulimit -n"};
    case Trouble::connections_refused:
      return {LogLevel::warn, seconds(10),
              "connections were closed at once, for as many are open as this node takes"};
    case Trouble::send_failed:
      return {LogLevel::warn, seconds(10),
              "datagrams were refused by the kernel: is there a route to every peer?"};
    case Trouble::send_dropped:
      return {LogLevel::warn, seconds(10), "datagrams found no room in the kernel's queue and were dropped"};
    case Trouble::clock_skew:
      return {LogLevel::warn, seconds(10),
              "clock skew: windows begin at different times; check time synchronisation"};
    case Trouble::wrong_cluster:
      return {LogLevel::warn, seconds(60),
              "datagrams of a cluster of another name were dropped: `starling status` says where from"};
    case Trouble::wrong_protocol:
      return {LogLevel::warn, seconds(60),
              "datagrams of a protocol version that this node cannot read were dropped: finish the rolling "
              "upgrade"};
    case Trouble::sealed:
      return {LogLevel::warn, seconds(60),
              "sealed datagrams were dropped, for this node has no keys: `starling status` says where from"};
    case Trouble::not_sealed:
      return {LogLevel::warn, seconds(60),
              "datagrams that were not sealed were dropped: `starling status` says where from"};
    case Trouble::unknown_key:
      return {LogLevel::warn, seconds(60),
              "datagrams sealed with keys that this node does not have were dropped: `starling status` says "
              "which, "
              "and where from"};
    case Trouble::bad_seal:
      return {LogLevel::warn, seconds(60),
              "datagrams that did not open were dropped: `starling status` says where from"};
    case Trouble::peer_table_full:
      return {LogLevel::error, seconds(10), "peer table full: addresses are refused"};
    case Trouble::own_origin_from_afar:
      return {LogLevel::error, seconds(10), "somebody sends counts under our own origin; dropped"};
    case Trouble::override_weak:
      return {LogLevel::warn, seconds(10), "an override changes less than it says"};
    case Trouble::override_orphaned:
      return {
          LogLevel::warn, seconds(10),
          "an override is for a rule that this node does not have; it applies where and when there is one"};
    case Trouble::loop_busy:
      return {LogLevel::warn, seconds(60),
              "the event loop was busy for more than nine tenths of a second: answers are late; add nodes or "
              "CPU"};
    default:
      return {};
  }
}

}  // namespace

void log_due(Troubles& troubles, Trouble trouble, Logger& log, Instant now) {
  const Words words = words_of(trouble);
  if (words.text.empty()) return;
  const auto due = troubles.due(trouble, words.said_every, now);
  if (!due) return;
  if (due->detail.empty())
    log.log(words.level, {{"count", due->count}}, "{}", words.text);
  else
    log.log(words.level, {{"count", due->count}}, "{}: {}", words.text, due->detail);
}

void log_due(Troubles& troubles, Logger& log, Instant now) {
  for (std::size_t i = 0; i < troubles_count; ++i) log_due(troubles, static_cast<Trouble>(i), log, now);
}

}  // namespace starling
