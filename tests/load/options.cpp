#include "options.hpp"

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string_view>
#include <system_error>

#include "talk.hpp"

namespace starling::load {
namespace {

constexpr std::size_t targets_max = 1000;
constexpr std::size_t connections_max = 10'000;
constexpr const char* usage =
    "usage: starling-load --protocol http|grpc|redis --target HOST:PORT[=WEIGHT]... --request FILE [--path "
    "PATH]\n"
    "                     [--callers N] [--zipf EXPONENT] [--connections N] [--answer FILE] [--busy yes]\n"
    "                     [--seconds S] [--rate R] [--phase SECONDS:RATE[:AT_ONCE]]... [--at WALL_SECONDS]\n"
    "                     [--rule NAME --window-s N] [--survive yes] [--progress yes]\n"
    "FILE holds one request, or the message of a gRPC call; the first '-0000' in it becomes the caller's "
    "number.\n"
    "--rate 0 (the default, without a phase) is closed loop, as fast as it goes; --connections are to each "
    "target;\n"
    "--rule and --window-s (its name as in JSON, a window's seconds) count windows; --answer keeps the last "
    "answer.\n"
    "Prints JSON.\n";

[[noreturn]] void refuse(const std::string& message) {
  die(message + "\n" + usage, 2);
}

template <class Number>
Number number(const std::string& flag, std::string_view text, Number least, Number most) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !(value >= least && value <= most))
    refuse(flag + ": expected a number from " + std::to_string(least) + " to " + std::to_string(most) +
           ", found '" + std::string(text) + "'");
  return value;
}

Options::Target target(const std::string& flag, std::string_view text) {
  Options::Target made;
  if (const std::size_t equals = text.rfind('='); equals != std::string_view::npos) {
    made.weight = number(flag, text.substr(equals + 1), 0.0, 1e9);
    text = text.substr(0, equals);
  }
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0)
    refuse(flag + ": expected HOST:PORT, found '" + std::string(text) + "'");
  made.host = text.substr(0, colon);
  made.port = text.substr(colon + 1);
  if (made.host.starts_with('[') && made.host.ends_with(']'))
    made.host = made.host.substr(1, made.host.size() - 2);
  return made;
}

bool yes(const std::string& flag, std::string_view text) {
  if (text != "yes" && text != "no") refuse(flag + ": expected yes or no, found '" + std::string(text) + "'");
  return text == "yes";
}

/// False if there is no such flag.
bool take(Options& options, double& rate, const std::string& flag, const std::string& value) {
  if (flag == "--protocol")
    options.protocol = value;
  else if (flag == "--target")
    options.targets.push_back(target(flag, value));
  else if (flag == "--request")
    options.request = value;
  else if (flag == "--path")
    options.path = value;
  else if (flag == "--answer")
    options.answer = value;
  else if (flag == "--callers")
    options.callers = number<std::uint32_t>(flag, value, 1, callers_max);
  else if (flag == "--zipf")
    options.zipf = number(flag, value, 0.0, 10.0);
  else if (flag == "--connections")
    options.connections = number<std::size_t>(flag, value, 1, connections_max);
  else if (flag == "--seconds")
    options.seconds = number(flag, value, 0.01, 86'400.0);
  else if (flag == "--rate")
    rate = number(flag, value, 0.0, 1e7);
  else if (flag == "--at")
    options.at_s = number(flag, value, 0.0, 1e12);
  else if (flag == "--rule")
    options.limit.rule = value;
  else if (flag == "--window-s")
    options.limit.window_s = number<std::int64_t>(flag, value, 1, 366 * 86'400);
  else if (flag == "--busy")
    options.busy = yes(flag, value);
  else if (flag == "--survive")
    options.survive = yes(flag, value);
  else if (flag == "--progress")
    options.progress = yes(flag, value);
  else
    return false;
  return true;
}

}  // namespace

void die(const std::string& message, int code) {
  std::fprintf(stderr, "starling-load: %s\n", message.c_str());
  std::exit(code);
}

Options read_options(int argc, char** argv) {
  Options options;
  double rate = 0;
  for (int i = 1; i < argc; i += 2) {
    const std::string flag = argv[i];
    if (i + 1 >= argc) refuse(flag + ": expected a value");
    const std::string value = argv[i + 1];
    if (flag == "--phase") {
      const std::optional<Phase> phase = read_phase(value);
      if (!phase) refuse(flag + ": expected SECONDS:RATE or SECONDS:RATE:AT_ONCE, found '" + value + "'");
      options.phases.push_back(*phase);
    } else if (!take(options, rate, flag, value)) {
      refuse(flag + ": unknown");
    }
  }
  if (options.protocol != "http" && options.protocol != "grpc" && options.protocol != "redis")
    refuse("--protocol: expected http, grpc or redis, found '" + options.protocol + "'");
  double weights = 0;
  for (const Options::Target& each : options.targets) weights += each.weight;
  if (options.targets.empty() || options.targets.size() > targets_max || weights <= 0)
    refuse("--target: expected 1 to " + std::to_string(targets_max) +
           " of them, and one that weighs something");
  if (rate > 0 && options.phases.empty())
    options.phases.push_back({.seconds = options.seconds, .rate = rate});
  return options;
}

}  // namespace starling::load
