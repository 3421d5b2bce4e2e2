#include "cli/live.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <memory>
#include <string>

#include "cli/asking.hpp"
#include "cli/live_body.hpp"
#include "cli/live_view.hpp"
#include "cli/rules.hpp"
#include "cli/rules_view.hpp"
#include "limiter/live_override.hpp"

namespace starling::cli {
namespace {

constexpr const char* overrides_target = "/v1/overrides";
constexpr std::size_t warnings_max = 20;
constexpr std::size_t overrides_max = 100'000;  ///< ten times what a node keeps

/// The flags of one command; its callback keeps them alive.
struct Live {
  Asking asking;
  LiveFlags flags;
  std::string kind;
  bool all = false;
};
using Flags = std::shared_ptr<Live>;

/// "alice@desk", for whoever wonders later.
std::string whoami() {
  const char* user = std::getenv("USER");
  std::array<char, 256> host{};
  if (gethostname(host.data(), host.size() - 1) != 0) host[0] = '\0';
  return fmt::format("{}@{}", user != nullptr && *user != '\0' ? user : "somebody", host.data());
}

// --- what the commands do

/// All of them; a node tells a long list in parts.
tl::expected<Json, std::string> all_overrides(const Asking& asking) {
  Json all = Json::array();
  for (;;) {
    auto part = ask(asking, fmt::format("{}?offset={}", overrides_target, all.size()));
    if (!part) return part;
    const Json& overrides = member_of(*part, "overrides");
    for (const Json& entry : overrides) all.push_back(entry);
    if (overrides.empty() || number_of(*part, "more") <= 0 || all.size() >= overrides_max) break;
  }
  return Json{{"overrides", std::move(all)}};
}

/// Sets one and says what holds now.
int set(const Live& live, const Json& body) {
  const auto entry = tell(live.asking, "PUT", overrides_target, body);
  if (!entry) return complain(entry.error());
  if (member_of(*entry, "kind") != member_of(body, "kind"))
    return complain(
        fmt::format("{} answered without the override; is it the admin port of a node?", live.asking.server));
  const int shown = show(live.asking, *entry, [&](const Json& document) {
    return what_holds(document, live.flags.expires) + "\n";
  });
  const std::string note = text_of(*entry, "note", "");
  if (!flag_of(*entry, "applies"))
    warn(fmt::format("this does nothing on {}: {}", live.asking.server, note));
  else if (!note.empty())
    warn(note);
  return shown;
}

int clear(const Live& live, const Json& body, const std::string& done) {
  const auto answer = tell(live.asking, "DELETE", overrides_target, body);
  if (!answer) return complain(answer.error());
  return show(live.asking, *answer, [&](const Json&) { return done + "\n"; });
}

/// Takes away every limit override of the rule.
int clear_all(const Live& live) {
  const auto document = all_overrides(live.asking);
  if (!document) return complain(document.error());
  const Json chosen = select_overrides(*document, "limits", live.flags.rule);
  std::size_t count = 0;
  for (const Json& entry : member_of(chosen, "overrides")) {
    Json body = {{"kind", "limits"}, {"rule", live.flags.rule}, {"match", member_of(entry, "match")}};
    if (!live.flags.as.empty()) body["set_by"] = live.flags.as;
    const auto answer = tell(live.asking, "DELETE", overrides_target, body);
    if (!answer) return complain(fmt::format("{} ({} taken back before)", answer.error(), count));
    ++count;
  }
  if (count == 0)
    return complain(fmt::format("rule {} has no live overrides of its limits", printable(live.flags.rule)));
  return show(live.asking, Json{{"deleted", count}}, [&](const Json&) {
    return fmt::format("{} override(s) of rule {} taken back\n", count, printable(live.flags.rule));
  });
}

int list(const Live& live) {
  return run(
      live.asking,
      [&]() -> tl::expected<Json, std::string> {
        auto document = all_overrides(live.asking);
        if (!document) return document;
        return select_overrides(*document, live.kind, live.flags.rule);
      },
      [&](const Json& document) {
        return render_overrides(document, live.asking.wide(), live.asking.paint());
      },
      [](const Json&) { return 0; });
}

/// Sets learning and warns of what does not follow.
int set_learning(const Live& live, bool learning) {
  if (const int code = set(live, learning_body(live.flags, learning)); code != 0) return code;
  const auto rules = ask(live.asking, rules_target(live.flags.rule));
  if (!rules) return live.flags.rule.empty() ? complain(rules.error()) : 0;  // a rule that is elsewhere only
  const auto lines = against_learning(*rules, learning);
  if (lines.empty()) return 0;
  warn(learning ? "these can still deny; `starling rules` shows why:"
                : "these still learn and let pass; `starling rules` shows why:");
  for (std::size_t i = 0; i < lines.size() && i < warnings_max; ++i) fmt::print(stderr, "  {}\n", lines[i]);
  if (lines.size() > warnings_max) fmt::print(stderr, "  and {} more\n", lines.size() - warnings_max);
  return 0;
}

// --- their flags

CLI::App* add_leaf(CLI::App* parent, const char* name, const char* help, const Flags& live) {
  CLI::App* command = parent->add_subcommand(name, help);
  live->flags.as = whoami();
  return command;
}

void add_rule(CLI::App* command, const Flags& live, bool required) {
  command
      ->add_option("--rule", live->flags.rule,
                   required ? "Name of the rule" : "Name of the rule [default: all rules]")
      ->type_name("NAME")
      ->required(required)
      ->check(expecting([](const std::string& text) {
        return text.empty() ? std::string("expected the name of a rule, found nothing") : std::string();
      }));
}

void add_match(CLI::App* command, const Flags& live, const char* help) {
  command->add_option("--match", live->flags.match, help)
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false)
      ->check(expecting_entry());
}

void add_as(CLI::App* command, const Flags& live) {
  command
      ->add_option(
          "--as", live->flags.as,
          "Who you are, for others to see [default: $USER@HOSTNAME]")  // a page names nobody's machine
      ->type_name("NAME");
}

void add_expires(CLI::App* command, const Flags& live) {
  command->add_option("--expires", live->flags.expires, "Ends by itself after this time [default: never]")
      ->type_name("DURATION")
      ->check(expecting(wrong_expires));
}

std::string twice(const std::vector<std::string>& match) {
  for (std::size_t i = 0; i < match.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      if (match[i].substr(0, match[i].find('=')) == match[j].substr(0, match[j].find('=')))
        return fmt::format("--match: expected each key once, found {} and {}", printable(match[j]),
                           printable(match[i]));
  return {};
}

/// What CLI11 cannot say of several flags together. Throws its error, for `main` to show as wrong usage.
void require(bool holds, const std::string& message) {
  if (!holds) throw CLI::ValidationError(message);
}

void add_override(CLI::App& app, int& exit_code) {
  CLI::App* parent =
      app.add_subcommand("override", "Change limits while the cluster runs: set, list, delete");
  parent->require_subcommand(1);

  const auto setting = std::make_shared<Live>();
  CLI::App* set_command =
      add_leaf(parent, "set", "Set the limits of a rule, or of some of its callers", setting);
  add_telling(*set_command, setting->asking);
  add_rule(set_command, setting, true);
  add_match(set_command, setting,
            "Whom it is about, such as principal=alice or area=eu-* [default: everybody]");
  CLI::Option* limit =
      set_command->add_option("--limit", setting->flags.limits, "Such as 2000/10s; may be repeated")
          ->type_name("REQUESTS/WINDOW")
          ->allow_extra_args(false)
          ->check(expecting(wrong_limit));
  set_command->add_flag("--unlimited", setting->flags.unlimited, "No limit at all")->excludes(limit);
  add_expires(set_command, setting);
  add_as(set_command, setting);
  set_command->callback([setting, &exit_code] {
    const LiveFlags& flags = setting->flags;
    require(flags.unlimited || !flags.limits.empty(),
            "expected --limit REQUESTS/WINDOW or --unlimited, found neither");
    require(twice(flags.match).empty(), twice(flags.match));
    exit_code = set(*setting, limits_body(flags));
  });

  const auto listing = std::make_shared<Live>();
  CLI::App* list_command = add_leaf(parent, "list", "List what was set while running, of all kinds", listing);
  add_asking(*list_command, listing->asking, AsksFor::watching);
  add_rule(list_command, listing, false);
  list_command->add_option("--kind", listing->kind, "Of this kind only [default: all]")
      ->type_name(fmt::format("{}", fmt::join(live_override_kind_names, "|")))
      ->check(expecting_one_of(live_override_kind_names));
  list_command->callback([listing, &exit_code] { exit_code = list(*listing); });

  const auto deleting = std::make_shared<Live>();
  CLI::App* delete_command = add_leaf(parent, "delete", "Take back what `override set` has set", deleting);
  add_telling(*delete_command, deleting->asking);
  add_rule(delete_command, deleting, true);
  add_match(delete_command, deleting, "As it was set [default: the override of everybody]");
  delete_command->add_flag("--all", deleting->all, "All of the rule's");
  add_as(delete_command, deleting);
  delete_command->callback([deleting, &exit_code] {
    const LiveFlags& flags = deleting->flags;
    require(!deleting->all || flags.match.empty(), "expected either --all or --match, found both");
    require(twice(flags.match).empty(), twice(flags.match));
    exit_code =
        deleting->all
            ? clear_all(*deleting)
            : clear(*deleting, subject_body("limits", flags),
                    fmt::format("the override of rule {}{} is taken back", printable(flags.rule),
                                flags.match.empty()
                                    ? ""
                                    : printable(fmt::format(" for {}", fmt::join(flags.match, ", ")))));
  });
}

void add_learning(CLI::App& app, int& exit_code) {
  CLI::App* parent =
      app.add_subcommand("learning", "Count and never deny, or enforce: on, off, clear, status");
  parent->require_subcommand(1);
  for (const bool on : {true, false}) {
    const auto live = std::make_shared<Live>();
    CLI::App* command = add_leaf(parent, on ? "on" : "off",
                                 on ? "Deny nothing: all rules, or one, only count and report"
                                    : "Enforce: all rules that their file does not let learn, or one",
                                 live);
    add_telling(*command, live->asking);
    add_rule(command, live, false);
    add_expires(command, live);
    add_as(command, live);
    command->callback([live, on, &exit_code] { exit_code = set_learning(*live, on); });
  }
  const auto clearing = std::make_shared<Live>();
  CLI::App* clear_command =
      add_leaf(parent, "clear", "Take back `on` or `off`: the file decides again", clearing);
  add_telling(*clear_command, clearing->asking);
  add_rule(clear_command, clearing, false);
  add_as(clear_command, clearing);
  clear_command->callback([clearing, &exit_code] {
    const std::string& rule = clearing->flags.rule;
    exit_code =
        clear(*clearing, subject_body("learning", clearing->flags),
              rule.empty() ? "the file decides again which rules learn, but for those set one by one"
                           : fmt::format("rule {} learns as all rules and its file say", printable(rule)));
  });
  const auto showing = std::make_shared<Live>();
  CLI::App* status = add_leaf(parent, "status", "Show which rules learn, and who says so", showing);
  add_asking(*status, showing->asking, AsksFor::watching);
  add_rule(status, showing, false);
  status->callback([showing, &exit_code] {
    exit_code = run(showing->asking, rules_target(showing->flags.rule), [showing](const Json& document) {
      return render_learning(document, showing->asking.paint());
    });
  });
}

/// `enforce` and `ignore`, which differ in a word.
void add_callers(CLI::App& app, int& exit_code, const char* name, const char* help, const char* kind) {
  CLI::App* parent = app.add_subcommand(name, help);
  parent->require_subcommand(1);
  for (const bool adding : {true, false}) {
    const auto live = std::make_shared<Live>();
    CLI::App* command =
        add_leaf(parent, adding ? "add" : "remove",
                 adding ? "Put a caller on the list" : "Take a caller off the list again", live);
    add_telling(*command, live->asking);
    command
        ->add_option("principal", live->flags.principal,
                     "The value that tells the caller apart, such as alice")
        ->type_name("PRINCIPAL");
    add_rule(command, live, false);
    add_match(command, live, "Instead of a principal: whose request has this, such as tier=free");
    if (adding) add_expires(command, live);
    add_as(command, live);
    command->callback([live, adding, kind, &exit_code] {
      const LiveFlags& flags = live->flags;
      require(flags.principal.empty() != flags.match.empty(),
              fmt::format("expected either a PRINCIPAL or --match to say who is meant, found {}",
                          flags.match.empty() ? "neither" : "both"));
      require(twice(flags.match).empty(), twice(flags.match));
      exit_code = adding
                      ? set(*live, caller_body(kind, flags))
                      : clear(*live, subject_body(kind, flags), fmt::format("taken off the {} list", kind));
    });
  }
  const auto listing = std::make_shared<Live>();
  listing->kind = kind;
  CLI::App* list_command = add_leaf(parent, "list", "Show the list", listing);
  add_asking(*list_command, listing->asking, AsksFor::watching);
  add_rule(list_command, listing, false);
  list_command->callback([listing, &exit_code] { exit_code = list(*listing); });
}

}  // namespace

void add_live(CLI::App& app, int& exit_code) {
  add_override(app, exit_code);
  add_learning(app, exit_code);
  add_callers(app, exit_code, "enforce",
              "Callers that are denied even while a rule learns: add, remove, list", "enforcing");
  add_callers(app, exit_code, "ignore", "Callers that are never denied: add, remove, list", "ignoring");
}

}  // namespace starling::cli
