#include "cli/views.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace starling::cli {
namespace {

std::string rtt_of(const Json& peer) {
  return member_of(peer, "rtt_us").is_number() ? render_latency(number_of(peer, "rtt_us")) : "-";
}

/// Of its last packet. Older nodes do not tell.
std::string key_of(const Json& peer) {
  const Json& key = member_of(peer, "key");
  if (key.is_string()) return text_of(peer, "key");
  const std::string state = text_of(peer, "state");
  return peer.contains("key") && state != "candidate" ? "plain" : "-";
}

/// What seals gossip, and what became of the last change.
std::string keys_line(const Json& keys, const Paint& paint) {
  if (member_of(keys, "ids").empty()) return "none: gossip is not encrypted";
  const std::string plain = text_of(keys, "plain");
  std::string out = fmt::format("{} from {}", text_of(keys, "ring"), text_of(keys, "file"));
  if (plain == "sent") out += paint(Hue::warning, "; not encrypted yet");
  if (plain == "accepted") out += paint(Hue::warning, "; plain packets are still taken");
  if (!member_of(keys, "reload_error").is_null()) out += paint(Hue::bad, "; the file was refused since");
  const Json& reloads = member_of(keys, "reloads");
  if (number_of(reloads, "last_ms_ago", -1) >= 0)
    out += fmt::format("; {} change(s), {} refused, the last {} ago", text_of(reloads, "ok"),
                       text_of(reloads, "failed"), render_age(number_of(reloads, "last_ms_ago")));
  return out;
}

constexpr std::size_t state_column = 2;

Hue hue_of_state(std::string_view state) {
  if (state == "alive") return Hue::good;
  if (state == "suspect") return Hue::warning;
  return state == "dead" ? Hue::bad : Hue::faint;
}

std::string counted(const std::map<std::string, int>& states) {
  std::string out;
  for (const std::string_view state : {"alive", "suspect", "dead", "left", "candidate"}) {
    const auto found = states.find(std::string(state));
    if (found != states.end()) out += fmt::format("{}{} {}", out.empty() ? "" : ", ", found->second, state);
  }
  return out.empty() ? "no peers" : out;
}

/// What a rule does otherwise than most.
std::string policies_of(const Json& rule) {
  std::string out;
  const auto add = [&](std::string_view key, std::string_view usual, std::string_view label) {
    const std::string value = text_of(rule, key, std::string(usual));
    if (value != usual) out += fmt::format("{}{}{}", out.empty() ? "; " : ", ", label, value);
  };
  add("algorithm", "fixed_window", "");
  add("admission", "optimistic", "");
  add("when_isolated", "local", "when_isolated: ");
  add("when_full", "learning", "when_full: ");
  const auto say = [&](std::string_view text) {
    out += fmt::format("{}{}", out.empty() ? "; " : ", ", text);
  };
  if (flag_of(rule, "exact")) say("exact");
  if (flag_of(rule, "learning")) say("learning");
  if (const std::int64_t count = number_of(rule, "overrides_count"); count > 0)
    say(fmt::format("{} override(s)", count));
  return out;
}

std::string rule_line(const Json& rule) {
  std::string match;
  for (const auto& [key, value] : member_of(rule, "match").items())
    match += fmt::format("{}{}: {}", match.empty() ? "" : ", ", printable(key),
                         value.is_string() ? printable(value.get<std::string>()) : "?");
  std::string limits;
  for (const Json& limit : member_of(rule, "limits"))
    limits += fmt::format("{}{} per {}", limits.empty() ? "" : ", ", text_of(limit, "requests"),
                          text_of(limit, "per"));
  if (flag_of(rule, "unlimited")) limits = "unlimited";
  return fmt::format("  {} {{{}}} {}{}\n", text_of(rule, "name"), match, limits, policies_of(rule));
}

std::string dropped_line(const Json& dropped) {
  std::string out;
  for (const auto& [reason, ignored] : dropped.items())
    if (number_of(dropped, reason) != 0 && reason != "from_self")
      out += fmt::format("{}{} {}", out.empty() ? "" : ", ", printable(reason), number_of(dropped, reason));
  return out.empty() ? "none" : out;
}

/// Where it listens: the front ends with all their sockets, or what older nodes tell.
std::string listening_line(const Json& document) {
  const Json& listeners = member_of(document, "listeners");
  std::string out;
  for (const Json& front_end : member_of(document, "front_ends")) {
    std::string places;
    for (const Json& place : member_of(front_end, "listeners"))
      places += fmt::format("{}{}", places.empty() ? "" : " and ",
                            place.is_string() ? printable(place.get<std::string>()) : "?");
    out += fmt::format("{} {}, ", text_of(front_end, "name"), places.empty() ? "nowhere" : places);
  }
  if (out.empty())
    out = fmt::format("http {}, grpc {}, admin {}, ", text_of(listeners, "http"), text_of(listeners, "grpc"),
                      text_of(listeners, "admin"));
  return fmt::format("{}sync {}, heartbeat {}", out, text_of(listeners, "sync"),
                     text_of(listeners, "heartbeat"));
}

/// What came in at one front end, and what of it was not answered as usual.
std::string front_end_line(const Json& front_end, bool wide) {
  const Json& connections = member_of(front_end, "connections");
  std::string out = fmt::format("{} requests, {} connection(s) open", text_of(front_end, "requests"),
                                text_of(connections, "open"));
  if (const std::int64_t refused = number_of(connections, "refused"); refused > 0)
    out += fmt::format(", {} refused", refused);
  const Json& errors = member_of(front_end, "errors");
  std::int64_t count = 0;
  for (const auto& [reason, ignored] : errors.items()) count += number_of(errors, reason);
  if (count == 0) return out;
  return wide ? fmt::format("{}; errors: {}", out, dropped_line(errors))
              : fmt::format("{}; {} error(s), -o wide tells which", out, count);
}

std::string overrides_line(const Json& overrides) {
  std::string out = fmt::format("{} of {}", text_of(overrides, "used"), text_of(overrides, "max"));
  if (const std::int64_t ended = number_of(overrides, "tombstones"); ended > 0)
    out += fmt::format("; {} ended within a day", ended);
  const std::string refused = dropped_line(member_of(overrides, "refused"));
  return refused == "none" ? out : fmt::format("{}; refused: {}", out, refused);
}

/// The first thing that a tired person sees. Older nodes send no verdict, but advice.
std::string verdict_line(const Json& document, const Paint& paint) {
  const Json& advice = member_of(document, "advice");
  if (advice.is_null()) return "";
  const std::string fallback =
      advice.empty() ? "healthy" : fmt::format("{} thing(s) to do, see the end", advice.size());
  const std::string reason = text_of(document, "reason", "");
  const std::string verdict = text_of(document, "verdict", fallback);
  const bool healthy = verdict == "healthy";
  if (reason.empty()) return paint(healthy ? Hue::good : Hue::warning, verdict) + "\n\n";
  return paint(Hue::bad, fmt::format("{}not ready: {}", healthy ? "" : verdict + "; ", reason)) + "\n\n";
}

/// What to do, then what is only worth knowing.
std::string advice_lines(const Json& document) {
  const Json& advice = member_of(document, "advice");
  if (advice.is_null()) return "";
  std::string to_do;
  std::string notes;
  const Json& items = member_of(document, "advice_items");
  if (items.is_array()) {
    for (const Json& item : items)
      (text_of(item, "kind") == "note" ? notes : to_do) += fmt::format("- {}\n", text_of(item, "text"));
  } else {
    for (const Json& item : advice)
      to_do += fmt::format("- {}\n", item.is_string() ? printable(item.get<std::string>()) : "?");
  }
  std::string out = to_do.empty() ? "All is well: nothing to do.\n" : "What to do next:\n" + to_do;
  if (!notes.empty()) out += "Worth knowing:\n" + notes;
  return out;
}

}  // namespace

std::string render_peers(const Json& document, bool wide, const Paint& paint) {
  std::vector<std::string> header{"NAME", "ADDRESS", "STATE", "AGE", "RTT", "LAG", "VERSION"};
  if (wide)
    header.insert(header.end(),
                  {"ORIGIN", "HEARD", "MISSING", "UNACKED", "SKEW", "HEARTBEAT", "SYNC", "KEY"});
  std::vector<std::vector<std::string>> rows;
  std::map<std::string, int> states;
  std::int64_t slowest_ms = 0;
  for (const Json& peer : member_of(document, "peers")) {
    const std::string state = text_of(peer, "state");
    const bool candidate = state == "candidate";
    ++states[state];
    slowest_ms = std::max(slowest_ms, number_of(peer, "lag_ms"));
    std::vector<std::string> row{text_of(peer, "name"),
                                 text_of(peer, "address"),
                                 state,
                                 candidate ? "-" : render_age(number_of(peer, "age_ms")),
                                 rtt_of(peer),
                                 candidate ? "-" : render_age(number_of(peer, "lag_ms")),
                                 text_of(peer, "version")};
    if (wide)
      row.insert(row.end(),
                 {text_of(peer, "origin"), render_age(number_of(peer, "heard_ms_ago")),
                  text_of(peer, "missing_versions"), text_of(peer, "unacked_versions"),
                  fmt::format("{}ms", number_of(peer, "clock_skew_ms")), text_of(peer, "heartbeat_endpoint"),
                  text_of(peer, "sync_endpoint"), key_of(peer)});
    rows.push_back(std::move(row));
  }
  const auto hue_of = [](std::size_t column, std::string_view cell) {
    return column == state_column ? hue_of_state(cell) : Hue::plain;
  };
  return fmt::format("{}{} seen by {}; slowest counts {} behind\n", render_table(header, rows, paint, hue_of),
                     counted(states), text_of(document, "node"), render_age(slowest_ms));
}

std::string render_status(const Json& document, bool wide, const Paint& paint) {
  const Json& node = member_of(document, "node");
  const Json& neighborhood = member_of(document, "neighborhood");
  const Json& decisions = member_of(document, "decisions");
  const Json& datagrams = member_of(document, "datagrams");
  const Json& counters = member_of(document, "counters");
  std::string out;
  const auto line = [&](std::string_view label, const std::string& text) {
    out += fmt::format("{:<13} {}\n", label, text);
  };
  out += verdict_line(document, paint);
  line("node", fmt::format("{} (starling {}, cluster {}, origin {}), up {}", text_of(node, "name"),
                           text_of(node, "version"), text_of(node, "cluster"), text_of(node, "origin"),
                           render_age(number_of(node, "uptime_ms"))));
  const std::string reason = text_of(document, "reason", "");
  line("state", paint(flag_of(document, "ready") && reason.empty() ? Hue::good : Hue::bad,
                      reason.empty() ? text_of(document, "state") : reason));
  const std::int64_t live = number_of(document, "cluster_size");
  const std::int64_t known = number_of(document, "cluster_known", live);
  line("cluster", fmt::format("{} live node(s), this one included{}", live,
                              known > live ? fmt::format("; {} known", known) : ""));
  line("listening", listening_line(document));
  const std::string host = text_of(neighborhood, "host", "");
  const std::int64_t resolved_ms_ago = number_of(neighborhood, "last_resolved_ms_ago", -1);
  line("neighborhood",
       host.empty() ? "none: a cluster of one"
                    : fmt::format("{}: {} address(es), {}", host, member_of(neighborhood, "addresses").size(),
                                  resolved_ms_ago < 0 ? "not resolved yet"
                                                      : "resolved " + render_age(resolved_ms_ago) + " ago"));
  if (const Json& keys = member_of(document, "keys"); keys.is_object()) line("keys", keys_line(keys, paint));
  line("counters", fmt::format("{} of {}", text_of(counters, "used"), text_of(counters, "max")));
  const std::int64_t undecided = number_of(decisions, "failed");
  line("decisions",
       fmt::format(
           "{} allowed, {} denied, {} uncounted{}", text_of(decisions, "allowed"),
           text_of(decisions, "denied"), text_of(decisions, "uncounted"),
           undecided > 0 ? ", " + paint(Hue::bad, fmt::format("{} failed and passed", undecided)) : ""));
  for (const Json& front_end : member_of(document, "front_ends"))
    line(text_of(front_end, "name"), front_end_line(front_end, wide));
  line("datagrams", fmt::format("{} received, {} sent; dropped: {}", text_of(datagrams, "received"),
                                text_of(datagrams, "sent"), dropped_line(member_of(datagrams, "dropped"))));
  line("rules", fmt::format("{} from {}, domain {}", member_of(document, "rules").size(),
                            text_of(document, "rules_from"), text_of(document, "domain")));
  for (const Json& rule : member_of(document, "rules")) out += rule_line(rule);
  if (const Json& overrides = member_of(document, "overrides"); overrides.is_object())
    line("overrides", overrides_line(overrides));
  if (const Json& reloads = member_of(document, "reloads"); number_of(reloads, "last_ms_ago", -1) >= 0)
    line("reloads", fmt::format("{} ok, {} refused, the last {} ago", text_of(reloads, "ok"),
                                text_of(reloads, "failed"), render_age(number_of(reloads, "last_ms_ago"))));
  out += "\n";
  std::vector<std::vector<std::string>> rows;
  for (const Json& setting : member_of(document, "settings"))
    rows.push_back({text_of(setting, "name"), text_of(setting, "value"), text_of(setting, "source")});
  out += render_table({"SETTING", "VALUE", "FROM"}, rows);
  out += "\n";
  out += advice_lines(document);
  return out;
}

}  // namespace starling::cli
