#include "cli/live_view.hpp"

#include <doctest/doctest.h>

#include <string>

#include "support.hpp"

namespace starling::cli {
namespace {

using testing::check_robust;

const Json overrides_document = Json::parse(R"({"overrides": [
  {"kind": "limits", "rule": "each", "match": {"area": "eu-*", "principal": "alice"}, "principal": "",
   "limits": [{"requests": 9, "per": "1s"}, {"requests": 99, "per": "1h"}], "unlimited": false, "learning": false,
   "set_by": "bob@desk", "set_on": "n1", "set_at": "2026-01-01T00:00:00Z", "expires_at": "2026-01-01T01:00:00Z",
   "applies": true, "note": ""},
  {"kind": "learning", "rule": "", "match": {}, "principal": "", "limits": [], "unlimited": false, "learning": true,
   "set_by": "", "set_on": "n1", "set_at": "2026-01-01T00:00:00Z", "expires_at": null, "applies": true, "note": ""},
  {"kind": "enforcing", "rule": "gone", "match": {}, "principal": "carol", "limits": [], "unlimited": false,
   "learning": false, "set_by": "bob@desk", "set_on": "n2", "set_at": "2026-01-01T00:00:00Z", "expires_at": null,
   "applies": false, "note": "no rule here is named gone"}]})");

Json entry(std::string_view kind, std::string_view rule) {
  return {{"kind", kind}, {"rule", rule}, {"match", Json::object()}, {"expires_at", nullptr}};
}

}  // namespace

TEST_SUITE("cli.live_view") {
  TEST_CASE("each override: whom it is about, what it says, who set it, and whether it does anything") {
    CHECK(render_overrides(overrides_document, false) ==
          "RULE         KIND       WHO                         VALUE                EXPIRES               "
          "SET BY    APPLIES\n"
          "each         limits     area=eu-*, principal=alice  9 per 1s, 99 per 1h  2026-01-01T01:00:00Z  "
          "bob@desk  yes\n"
          "(all rules)  learning   -                           on                   never                 "
          "-         yes\n"
          "gone         enforcing  carol                       -                    never                 "
          "bob@desk  "
          "no: no rule here is named gone\n");
    CHECK(testing::contains(render_overrides(overrides_document, true),
                            "bob@desk  n2      2026-01-01T00:00:00Z  no:"));
    CHECK(render_overrides(Json::parse(R"({"overrides": []})"), false) == "no live overrides\n");
  }

  TEST_CASE("some of them") {
    CHECK(select_overrides(overrides_document, "", "") == overrides_document);
    CHECK(select_overrides(overrides_document, "limits", "")["overrides"].size() == 1);
    CHECK(select_overrides(overrides_document, "", "gone")["overrides"][0]["kind"] == "enforcing");
    CHECK(select_overrides(overrides_document, "limits", "gone")["overrides"].empty());
  }

  TEST_CASE("what holds after a write, and for how long") {
    CHECK(what_holds(overrides_document["overrides"][0], "1h") ==
          "rule each allows area=eu-*, principal=alice 9 per 1s, 99 per 1h, for 1h (until "
          "2026-01-01T01:00:00Z)");
    CHECK(what_holds(overrides_document["overrides"][1], "") ==
          "all rules learn and deny nobody, until it is taken back");
    CHECK(what_holds(overrides_document["overrides"][2], "") ==
          "rule gone holds carol, even while learning, until it is taken back");
    Json unlimited = entry("limits", "each");
    unlimited["unlimited"] = true;
    CHECK(what_holds(unlimited, "") == "rule each allows each caller unlimited, until it is taken back");
    CHECK(what_holds(entry("learning", "each"), "") == "rule each enforces, until it is taken back");
    CHECK(what_holds(entry("learning", ""), "") ==
          "rules enforce unless their file says that they learn, until it is taken back");
    Json ignoring = entry("ignoring", "");
    ignoring["match"] = {{"tier", "free"}};
    CHECK(what_holds(ignoring, "") == "all rules never deny tier=free, until it is taken back");
  }

  TEST_CASE("documents that lack or mistake anything are shown all the same") {
    check_robust(overrides_document, [](const Json& document) { return render_overrides(document, true); });
    for (const Json& one : overrides_document["overrides"])
      check_robust(one, [](const Json& document) { return what_holds(document, "1\x1bh"); });
  }
}

}  // namespace starling::cli
