#include "cli/simulation_view.hpp"

#include <fmt/format.h>

#include <cmath>
#include <optional>

#include "limiter/duration_text.hpp"

namespace starling::cli {
namespace {

/// "500us", "20ms", "1s": the shortest exact spelling, to a microsecond.
std::string render_delay(Duration delay) {
  const auto us = std::chrono::duration_cast<std::chrono::microseconds>(delay);
  if (us.count() % 1000 == 0 && us.count() != 0)
    return format_duration(std::chrono::duration_cast<std::chrono::milliseconds>(us));
  return fmt::format("{}us", us.count());
}

/// Four decimals: more would be noise, and hide the figure.
Json rounded(double value) {
  return std::round(value * 1e4) / 1e4;
}

Json rounded(std::optional<double> value) {
  return value ? rounded(*value) : Json();
}

Json summary(const sim::Summary& values) {
  return {{"mean", rounded(values.mean)}, {"p99", rounded(values.p99)}, {"max", rounded(values.max)}};
}

Json percentiles(const sim::Convergence::Percentiles& values) {
  return {{"p50", rounded(values.p50)}, {"p99", rounded(values.p99)}, {"hits", values.watched}};
}

const Json& member(const Json& object, std::string_view key) {
  static const Json nothing;
  const auto found = object.is_object() ? object.find(std::string(key)) : object.end();
  return found == object.end() ? nothing : *found;
}

std::string cell(const Json& value, std::string_view unit) {
  if (!value.is_number()) return "-";
  const double number = value.get<double>();
  return fmt::format("{:.{}f}{}", number, std::abs(number) < 1000 ? 2 : 0, unit);
}

}  // namespace

Json simulation_json(const sim::ExperimentOptions& options, const sim::ExperimentResult& result) {
  const bool gossip = options.scheme == sim::Scheme::gossip;
  const std::string sync =
      options.fixed_interval ? render_delay(*options.fixed_interval) : std::string("adaptive");
  Json parameters{{"nodes", options.nodes},
                  {"limit", fmt::format("{}/{}", options.limit.requests,
                                        format_duration(std::chrono::seconds(options.limit.window_s)))},
                  {"load", fmt::format("{:g}x", options.load)},
                  {"spread", name(options.spread)},
                  {"delay", render_delay(options.link.delay)},
                  {"jitter", render_delay(options.link.jitter)},
                  {"loss", fmt::format("{:g}%", options.link.loss * 100)},
                  {"scheme", name(options.scheme)},
                  {"admission", starling::name(options.admission)},
                  {"sync", gossip ? Json(sync) : Json()},
                  {"windows", options.windows},
                  {"seed", options.seed}};
  Json purposes = Json::object();
  for (std::size_t purpose = 0; purpose < purposes_count; ++purpose)
    purposes[std::string(starling::name(static_cast<Purpose>(purpose)))] =
        rounded(result.packets_by_purpose[purpose]);
  return {{"parameters", std::move(parameters)},
          {"settled", result.settled},
          {"offered", result.offered},
          {"admitted", result.admitted},
          {"admitted_pct", rounded(result.admitted_pct_mean)},
          {"over_admission_pct", summary(result.over_admission_pct)},
          {"false_rejection_pct", summary(result.false_rejection_pct)},
          {"packets_per_node_per_window", rounded(result.packets_per_node_per_window)},
          {"bytes_per_node_per_window", rounded(result.bytes_per_node_per_window)},
          {"packets_by_purpose", std::move(purposes)},
          {"convergence_ms", percentiles(result.convergence)},
          {"convergence_at_limit_ms", percentiles(result.convergence_at_limit)}};
}

std::string render_simulation(const Json& document) {
  const Json& parameters = member(document, "parameters");
  const auto said = [&](std::string_view key) { return text_of(parameters, key); };
  std::string out = fmt::format("{} node(s), limit {}, offered {} ({}), one way {}", said("nodes"),
                                said("limit"), said("load"), said("spread"), said("delay"));
  if (said("jitter") != "0us") out += fmt::format(" to {} more", said("jitter"));
  out += fmt::format(", loss {}\n", said("loss"));
  out += said("scheme") == "split" ? std::string("scheme split: limit / nodes each")
                                   : fmt::format("admission {}, sync {}", said("admission"), said("sync"));
  out += fmt::format("; {} window(s), seed {}\n\n", said("windows"), said("seed"));

  const auto row = [&](std::string_view label, std::string_view key, std::string_view unit) {
    const Json& values = member(document, key);
    const auto shown = [&](std::string_view column) { return cell(member(values, column), unit); };
    return std::vector<std::string>{std::string(label), shown("mean"), shown("p50"), shown("p99"),
                                    shown("max")};
  };
  const auto single = [&](std::string_view label, std::string_view key, std::string_view unit) {
    return std::vector<std::string>{std::string(label), cell(member(document, key), unit)};
  };
  out += render_table(
      {"", "MEAN", "P50", "P99", "MAX"},
      {single("admitted, of the limit", "admitted_pct", " %"),
       row("over-admission", "over_admission_pct", " %"),
       row("false rejections", "false_rejection_pct", " %"), row("convergence", "convergence_ms", " ms"),
       row("convergence at the limit", "convergence_at_limit_ms", " ms"),
       single("packets per node, window", "packets_per_node_per_window", ""),
       single("bytes per node, window", "bytes_per_node_per_window", "")});
  if (!flag_of(document, "settled"))
    out += "\nThe nodes did not all find each other before the load began: too much loss.\n";
  return out;
}

}  // namespace starling::cli
