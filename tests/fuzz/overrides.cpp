// PUT, DELETE and GET of /v1/overrides on the admin API, with an engine behind it. The first byte says who
// asks how; the rest is the body, or the query of a GET. What is set can be read back, sent again and taken
// away; what is refused changes nothing.
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "engine/engine.hpp"
#include "engine_service.hpp"
#include "http/admin_api.hpp"
#include "http/live_json.hpp"
#include "limiter/config_file.hpp"
#include "node/live_words.hpp"
#include "target.hpp"

using namespace starling;
using namespace starling::http;
using nlohmann::json;

namespace {

constexpr std::size_t overrides_max = 24;

class Admin final : public AdminService, private Effects {
 public:
  Admin() : engine_(options(), rules_in_force(), now_) {}

  void move_on() {
    now_ += std::chrono::milliseconds(300);
    wall_ += std::chrono::milliseconds(300);
    engine_.on_tick(now_, wall_, *this);
  }
  std::uint64_t digest() const { return engine_.counts().live.digest; }

  NodeStatus status() const override {
    NodeStatus status;
    status.rules = engine_.shared_rules();
    status.counts = engine_.counts();
    return status;
  }
  std::shared_ptr<const RuleSet> rules() const override { return engine_.shared_rules(); }
  std::vector<FrontEndStatus> front_ends() const override { return {}; }
  std::string metrics() override { return {}; }
  std::vector<CounterView> counters(const Request&) override { return {}; }
  TopView top(const TopQuery&) override { return {}; }
  std::vector<LiveView> live_overrides() const override { return engine_.live_overrides(wall_); }
  tl::expected<LiveView, std::string> set_live(const LiveChange& change) override {
    std::optional<WallTime> expires_at;
    if (change.expires_in) expires_at = wall_ + *change.expires_in;
    auto set = engine_.set_live(change.what, expires_at, change.set_by, now_, wall_, *this);
    REQUIRE_THAT(!describe(change.what).empty());
    if (!set) return tl::unexpected(explain(set.error(), change.what, overrides_max));
    REQUIRE_THAT(!story_of(*set, wall_).empty());
    // It holds at once, also for the next decision.
    const Entry entries[] = {{.key = "principal", .value = "alice"}};
    const Descriptor descriptor{.entries = entries, .limit = {}, .hits = {}};
    engine_.decide({.domain = "d", .descriptors = std::span(&descriptor, 1)}, now_, wall_);
    return std::move(*set);
  }
  bool clear_live(const LiveOverride& subject, const std::string& by) override {
    return engine_.clear_live(subject, by, now_, wall_, *this);
  }

 private:
  void send(Port, const Endpoint&, std::span<const std::byte>) override {}
  void notify(const Notice&) override {}
  static EngineOptions options() {
    EngineOptions made;
    made.origin = OriginId{7};
    made.counters_max = 64;
    made.components_max = 128;
    made.live_overrides_max = overrides_max;
    return made;
  }
  static RuleSet rules_in_force() {
    auto file = parse_config(fuzz::rules_text, "rules.yaml");
    REQUIRE_THAT(file.has_value());
    return std::move(file->rules);
  }

  Instant now_{std::chrono::hours(1)};
  WallTime wall_{std::chrono::hours(500'000)};
  Engine engine_;
};

struct Api {
  Admin admin;
  fuzz::EngineService checks;
  CheckApi check{checks};
  AdminApi api{admin, check};
  Response response;

  json ask(std::string_view method, std::string_view body, std::string_view query = {},
           bool from_afar = false) {
    const Header headers[] = {{.name = "Host", .value = "127.0.0.1:9090"},
                              {.name = "Content-Type", .value = "application/json"}};
    RequestView request{.method = method, .path = "/v1/overrides", .query = query, .headers = headers};
    request.body = body;
    request.from = {from_afar ? Address::v4(192, 0, 2, 1) : Address::v4(127, 0, 0, 1), 40'000};
    response.clear();
    api.on_request(request, response);
    const json answer = json::parse(response.body(), nullptr, false);
    REQUIRE_THAT(answer.is_object());
    if (response.status() != 200)
      REQUIRE_THAT(answer.at("message").is_string() && !answer.at("message").get<std::string>().empty());
    return answer;
  }
};

/// As a client would send back what the list shows.
std::string asked_again(const json& entry) {
  json change;
  for (const char* member :
       {"kind", "rule", "match", "principal", "limits", "unlimited", "learning", "set_by"})
    change[member] = entry.at(member);
  return change.dump();
}

void try_set(Api& api, std::string_view body) {
  const std::uint64_t before = api.admin.digest();
  const json answer = api.ask("PUT", body);
  const auto change = parse_live_change(body);
  if (api.response.status() != 200) {
    REQUIRE_THAT(api.response.status() == 400);
    REQUIRE_THAT(api.admin.digest() == before);
    return;
  }
  REQUIRE_THAT(change.has_value() && api.admin.digest() != before);
  const std::string again = asked_again(answer);
  const auto read = parse_live_change(again);
  REQUIRE_THAT(read.has_value() && read->what == change->what && read->set_by == change->set_by);
  bool listed = false;
  const json list = api.ask("GET", "");
  for (const json& entry : list.at("overrides")) listed = listed || asked_again(entry) == again;
  REQUIRE_THAT(listed);
  // Only who sends all of it again can name its subject; a DELETE reads as much of it.
  api.ask("DELETE", again);
  REQUIRE_THAT(api.response.status() == 200);
  api.ask("DELETE", again);
  REQUIRE_THAT(api.response.status() == 404);
  api.ask("PUT", body);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes_count) {
  static auto& api = *new Api;
  if (bytes_count == 0 || bytes_count > live_body_bytes_max) return 0;
  const std::string text(fuzz::text_of(data + 1, bytes_count - 1));
  api.admin.move_on();
  switch (data[0] % 8) {
    case 0: {
      const auto answer = api.ask("GET", "", text);
      REQUIRE_THAT(api.response.status() == 200 || api.response.status() == 400);
      return 0;
    }
    case 1: {
      const std::uint64_t before = api.admin.digest();
      api.ask("DELETE", text);
      REQUIRE_THAT(api.response.status() == 200 || api.response.status() == 404 ||
                   api.response.status() == 400);
      REQUIRE_THAT((api.response.status() == 200) == (api.admin.digest() != before));
      return 0;
    }
    case 2: {
      const std::uint64_t before = api.admin.digest();
      api.ask("PUT", text, "", true);
      REQUIRE_THAT(api.response.status() == 403 && api.admin.digest() == before);
      return 0;
    }
    default:
      try_set(api, text);
      return 0;
  }
}
