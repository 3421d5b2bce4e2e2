/// Envoy's protocol seen from the gateway's side: a request as a value, in both encodings, and the answer
/// read back from either. Written from the protocol alone, without the codecs under test.
#pragma once

#include <doctest/doctest.h>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../grpc/wire_bytes.hpp"
#include "../limiter/limiter_world.hpp"
#include "frontend/check_service.hpp"
#include "grpc/rate_limit_service.hpp"
#include "http/rls_api.hpp"

namespace starling::testing {

struct AskedLimit {
  std::uint32_t requests_per_unit = 0;
  std::uint32_t unit = 0;
};

struct AskedDescriptor {
  std::vector<std::pair<std::string, std::string>> entries;
  std::optional<AskedLimit> limit = {};
  std::optional<std::uint64_t> hits = {};
};

struct Asked {
  std::vector<AskedDescriptor> descriptors;
  std::string domain = "test";
  std::uint32_t hits = 0;
};

/// One descriptor of one entry.
inline Asked one(std::string key, std::string value) {
  return {.descriptors = {{.entries = {{std::move(key), std::move(value)}}}}};
}

inline std::string as_protobuf(const Asked& asked) {
  std::string out = bytes(1, asked.domain);
  for (const AskedDescriptor& descriptor : asked.descriptors) {
    std::string inner;
    for (const auto& [key, value] : descriptor.entries) inner += entry(key, value);
    if (descriptor.limit)
      inner += bytes(2, number(1, descriptor.limit->requests_per_unit) + number(2, descriptor.limit->unit));
    if (descriptor.hits) inner += bytes(3, number(1, *descriptor.hits));
    out += bytes(2, inner);
  }
  return out + (asked.hits > 0 ? number(3, asked.hits) : "");
}

inline std::string as_json(const Asked& asked, bool camel_case) {
  nlohmann::json descriptors = nlohmann::json::array();
  const char* const hits = camel_case ? "hitsAddend" : "hits_addend";
  for (const AskedDescriptor& descriptor : asked.descriptors) {
    nlohmann::json one{{"entries", nlohmann::json::array()}};
    for (const auto& [key, value] : descriptor.entries)
      one["entries"].push_back({{"key", key}, {"value", value}});
    if (descriptor.limit)
      one["limit"] = {
          {camel_case ? "requestsPerUnit" : "requests_per_unit", descriptor.limit->requests_per_unit},
          {"unit", descriptor.limit->unit}};
    if (descriptor.hits) one[hits] = *descriptor.hits;
    descriptors.push_back(std::move(one));
  }
  nlohmann::json whole{{"domain", asked.domain}, {"descriptors", std::move(descriptors)}};
  if (asked.hits > 0) whole[hits] = asked.hits;
  return whole.dump();
}

enum class Verdict : std::uint8_t { unknown, ok, over_limit };

struct ToldStatus {
  Verdict code = Verdict::unknown;
  bool has_limit = false;
  std::uint64_t requests_per_unit = 0;
  std::uint64_t unit = 0;
  std::string name;
  std::uint64_t remaining = 0;
  std::uint64_t reset_s = 0;
  friend bool operator==(const ToldStatus&, const ToldStatus&) = default;
};

struct Told {
  std::string error;    ///< empty if there is an answer
  bool failed = false;  ///< an error of the node, not of the request
  Verdict overall = Verdict::unknown;
  std::vector<ToldStatus> statuses;
  std::vector<std::pair<std::string, std::string>> headers;
  friend bool operator==(const Told&, const Told&) = default;
};

/// The fields of a message in their order: (number, varint, bytes).
struct WireField {
  unsigned field = 0;
  std::uint64_t number = 0;
  std::string bytes;
};

inline std::uint64_t take_varint(std::string_view& rest) {
  std::uint64_t number = 0;
  for (unsigned shift = 0;; shift += 7) {
    REQUIRE(!rest.empty());
    const auto byte = static_cast<unsigned char>(rest.front());
    rest.remove_prefix(1);
    number |= std::uint64_t{byte & 0x7FU} << shift;
    if (byte < 0x80) return number;
  }
}

inline std::vector<WireField> fields_of(std::string_view message) {
  std::vector<WireField> all;
  while (!message.empty()) {
    const std::uint64_t tag = take_varint(message);
    WireField field{.field = static_cast<unsigned>(tag >> 3U)};
    const std::uint64_t number = take_varint(message);
    if ((tag & 7U) == 2) {
      REQUIRE(number <= message.size());
      field.bytes = message.substr(0, number);
      message.remove_prefix(number);
    } else {
      REQUIRE((tag & 7U) == 0);
      field.number = number;
    }
    all.push_back(std::move(field));
  }
  return all;
}

inline ToldStatus told_status(std::string_view message) {
  ToldStatus status;
  for (const WireField& field : fields_of(message)) {
    if (field.field == 1) status.code = static_cast<Verdict>(field.number);
    if (field.field == 3) status.remaining = field.number;
    if (field.field == 4)
      for (const WireField& inner : fields_of(field.bytes)) status.reset_s = inner.number;
    if (field.field != 2) continue;
    status.has_limit = true;
    for (const WireField& inner : fields_of(field.bytes)) {
      if (inner.field == 1) status.requests_per_unit = inner.number;
      if (inner.field == 2) status.unit = inner.number;
      if (inner.field == 3) status.name = inner.bytes;
    }
  }
  return status;
}

inline Told told_by_protobuf(const grpc::CallStatus& status, std::string_view reply) {
  if (status.code != grpc::Code::ok)
    return {.error = std::string(status.message), .failed = status.code == grpc::Code::unavailable};
  Told told;
  for (const WireField& field : fields_of(reply)) {
    if (field.field == 1) told.overall = static_cast<Verdict>(field.number);
    if (field.field == 2) told.statuses.push_back(told_status(field.bytes));
    if (field.field != 3) continue;
    const auto pair = fields_of(field.bytes);
    REQUIRE(pair.size() == 2);
    told.headers.emplace_back(pair[0].bytes, pair[1].bytes);
  }
  return told;
}

inline Verdict verdict_of(const nlohmann::json& code) {
  return code == "OK" ? Verdict::ok : code == "OVER_LIMIT" ? Verdict::over_limit : Verdict::unknown;
}

inline Told told_by_json(int status, std::string_view body) {
  const auto document = nlohmann::json::parse(body);
  if (status != 200 && status != 429)
    return {.error = document.at("message").get<std::string>(), .failed = status == 500};
  Told told{.overall = verdict_of(document.at("overallCode"))};
  CHECK((status == 429) == (told.overall == Verdict::over_limit));
  const std::vector<std::string> units{"", "SECOND", "MINUTE", "HOUR", "DAY", "MONTH", "YEAR", "WEEK"};
  for (const auto& one : document.value("statuses", nlohmann::json::array())) {
    ToldStatus& to = told.statuses.emplace_back();
    to.code = verdict_of(one.at("code"));
    to.remaining = one.value("limitRemaining", std::uint64_t{0});
    to.has_limit = one.contains("currentLimit");
    if (!to.has_limit) continue;
    const auto& limit = one["currentLimit"];
    to.requests_per_unit = limit.value("requestsPerUnit", std::uint64_t{0});
    to.unit = static_cast<std::uint64_t>(
        std::find(units.begin(), units.end(), limit.value("unit", std::string())) - units.begin());
    to.name = limit.value("name", std::string());
    const auto duration = one.at("durationUntilReset").get<std::string>();
    REQUIRE(duration.ends_with('s'));
    to.reset_s = std::stoull(duration);
  }
  for (const auto& one : document.value("responseHeadersToAdd", nlohmann::json::array()))
    told.headers.emplace_back(one.at("key"), one.at("value"));
  return told;
}

/// A node that is a limiter and nothing else.
struct LimiterService final : CheckService {
  explicit LimiterService(RuleSet rules) : world(std::move(rules)) {}

  Decision decide(const Request& request) override {
    world.around.wall = world.wall;
    return world.limiter.decide(request, world.around, world.counters);
  }
  WallTime decided_at() const override { return world.wall; }
  bool ready() const override { return true; }
  std::string_view node_name() const override { return "n1"; }

  LimiterWorld world;
};

/// A node of its own for each encoding, asked the same and expected to tell the same.
class Gateway {
 public:
  explicit Gateway(const RuleSet& rules, HeaderFamilies families = {})
      : by_grpc_(rules), by_json_(rules), method_(by_grpc_, families), api_(by_json_, families) {}

  Told ask(const Asked& asked) {
    std::string reply;
    const grpc::CallStatus status = method_.call(as_protobuf(asked), reply);
    const Told told = told_by_protobuf(status, reply);
    http::Response response;
    camel_case_ = !camel_case_;
    const std::string body = as_json(asked, camel_case_);
    api_.on_request({.method = "POST", .path = "/json", .body = body}, response);
    CHECK(told == told_by_json(response.status(), response.body()));
    return told;
  }
  /// For requests of one descriptor.
  ToldStatus ask_one(const Asked& asked) {
    const Told told = ask(asked);
    REQUIRE(told.statuses.size() == 1);
    CHECK(told.overall == told.statuses[0].code);
    return told.statuses[0];
  }
  void set_wall(WallTime wall) { by_grpc_.world.wall = by_json_.world.wall = wall; }
  void set_live(const std::vector<LiveOverride>& live) {
    by_grpc_.world.limiter.set_live_overrides(live);
    by_json_.world.limiter.set_live_overrides(live);
  }

 private:
  LimiterService by_grpc_;
  LimiterService by_json_;
  grpc::RateLimitService method_;
  http::RlsApi api_;
  bool camel_case_ = false;
};

}  // namespace starling::testing
