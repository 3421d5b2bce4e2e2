#include "sim/faults.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "sim/key_changes.hpp"
#include "sim/strangers.hpp"

namespace starling::sim {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration pause_max = seconds(8);
constexpr Duration clog_max = seconds(5);
constexpr Duration leave_timeout = seconds(2);
constexpr Duration leave_poll = milliseconds(20);
/// Ahead and back within this: engines that wait for a clock to run evenly do not drop windows by it.
constexpr Duration spike_max = milliseconds(3500);
constexpr std::uint64_t faults_max = 12;

std::string shown(const std::vector<Link>& links) {
  std::vector<std::string> texts;
  texts.reserve(links.size());
  for (const Link& link : links) texts.push_back(fmt::format("{}>{}", link.first, link.second));
  return fmt::format("{}", fmt::join(texts, " "));
}

/// How the whole network is for a while. Only one at a time: each sets all of it.
class Weather final : public Fault {
 public:
  Weather(LinkOptions bad, LinkOptions calm) : bad_(bad), calm_(calm) {}
  std::string begin(Simulation& simulation) override {
    simulation.network().set_options(bad_);
    return "network: " + bad_.to_string();
  }
  void end(Simulation& simulation) override { simulation.network().set_options(calm_); }

 private:
  LinkOptions bad_;
  LinkOptions calm_;
};

class Cuts final : public Fault {
 public:
  Cuts(std::string_view what, std::vector<Link> links) : what_(what), links_(std::move(links)) {}
  std::string begin(Simulation& simulation) override {
    for (const Link& link : links_) simulation.network().cut(link.first, link.second);
    return fmt::format("{}: cut {}", what_, shown(links_));
  }
  void end(Simulation& simulation) override {
    for (const Link& link : links_) simulation.network().mend(link.first, link.second);
  }

 private:
  std::string what_;
  std::vector<Link> links_;
};

class Clog final : public Fault {
 public:
  Clog(std::vector<Link> links, Duration length) : links_(std::move(links)), length_(length) {}
  std::string begin(Simulation& simulation) override {
    for (const Link& link : links_)
      simulation.network().clog(link.first, link.second, simulation.now() + length_);
    return fmt::format("clogged: {}", shown(links_));
  }

 private:
  std::vector<Link> links_;
  Duration length_;
};

class Pause final : public Fault {
 public:
  Pause(NodeIndex node, Duration length) : node_(node), length_(length) {}
  std::string begin(Simulation& simulation) override {
    if (!simulation.is_up(node_)) return {};
    simulation.pause(node_, simulation.now() + length_);
    return fmt::format("node {} stands still", node_);
  }

 private:
  NodeIndex node_;
  Duration length_;
};

class ClockOffset final : public Fault {
 public:
  ClockOffset(NodeIndex node, milliseconds offset) : node_(node), offset_(offset) {}
  std::string begin(Simulation& simulation) override {
    simulation.set_clock_skew(node_, simulation.clock_skew(node_) + offset_);
    return fmt::format("node {}: wall clock {:+d} ms", node_, offset_.count());
  }
  void end(Simulation& simulation) override {
    simulation.set_clock_skew(node_, simulation.clock_skew(node_) - offset_);
  }

 private:
  NodeIndex node_;
  milliseconds offset_;
};

class Crash final : public Fault {
 public:
  explicit Crash(NodeIndex node) : node_(node) {}
  std::string begin(Simulation& simulation) override {
    if (!simulation.is_up(node_)) return {};
    simulation.kill(node_);
    return fmt::format("node {} crashes", node_);
  }
  void end(Simulation& simulation) override {
    if (!simulation.is_up(node_)) simulation.start(node_);
  }

 private:
  NodeIndex node_;
};

/// Leaves as by SIGTERM and ends when it has said goodbye; comes back at the end.
class Leave final : public Fault {
 public:
  explicit Leave(NodeIndex node) : node_(node) {}
  std::string begin(Simulation& simulation) override {
    if (!simulation.is_up(node_) || simulation.is_paused(node_)) return {};
    simulation.leave(node_, leave_timeout);
    watch(simulation, simulation.engine(node_).origin());
    return fmt::format("node {} leaves", node_);
  }
  void end(Simulation& simulation) override {
    if (!simulation.is_up(node_)) {
      simulation.start(node_);
    } else if (simulation.engine(node_).state() >= EngineState::leaving) {
      simulation.kill(node_);
      simulation.start(node_);
    }
  }

 private:
  void watch(Simulation& simulation, OriginId origin) const {
    simulation.at(simulation.now() + leave_poll, [&simulation, origin, watcher = *this] {
      if (!simulation.is_up(watcher.node_) || simulation.engine(watcher.node_).origin() != origin) return;
      if (simulation.engine(watcher.node_).state() == EngineState::left) {
        simulation.kill(watcher.node_);
      } else {
        watcher.watch(simulation, origin);
      }
    });
  }

  NodeIndex node_;
};

class Dns final : public Fault {
 public:
  Dns(NodeIndex node, std::string_view what, std::vector<Endpoint> listed)
      : node_(node), what_(what), listed_(std::move(listed)) {}
  std::string begin(Simulation& simulation) override {
    simulation.set_dns(node_, listed_);
    return fmt::format("node {}: DNS {}, {} addresses", node_, what_, listed_.size());
  }
  void end(Simulation& simulation) override {
    std::vector<Endpoint> all;
    for (NodeIndex node = 0; node < simulation.nodes_count(); ++node)
      all.push_back(simulation.heartbeat_endpoint(node));
    simulation.set_dns(node_, all);
  }

 private:
  NodeIndex node_;
  std::string what_;
  std::vector<Endpoint> listed_;
};

class Drawing {
 public:
  Drawing(Random& random, const Arena& arena) : random_(random), arena_(arena) {}

  std::vector<PlannedFault> draw() {
    draw_weather();
    if (random_.chance(0.4)) draw_skews();
    // Swarm testing: most runs have only some kinds of faults, so that no kind hides behind another.
    std::vector<int> kinds;
    for (int kind = 0; kind < kinds_count; ++kind)
      if (random_.chance(0.5)) kinds.push_back(kind);
    if (!kinds.empty())
      for (std::uint64_t count = random_.below(faults_max + 1); count > 0; --count)
        draw_one(kinds[random_.below(kinds.size())]);
    if (arena_.keys_change) plan({Duration{}, arena_.length}, std::make_unique<KeyChanges>(arena_.keys));
    if (arena_.keys_go_wrong) {
      for (std::uint64_t count = 1 + random_.below(2); count > 0; --count)
        plan(span(milliseconds(100)), std::make_unique<ForeignKeys>(node(), arena_.keys));
    }
    if (arena_.forgeries) plan(span(seconds(2)), std::make_unique<Strangers>(true, true));
    return std::move(plans_);
  }

 private:
  struct Span {
    Duration begin;
    Duration end;
  };
  static constexpr int kinds_count = 10;

  Duration upto(Duration most) {
    return Duration(static_cast<std::int64_t>(random_.below(static_cast<std::uint64_t>(most.count()) + 1)));
  }
  Span span(Duration least = {}) {
    Span span{upto(arena_.length), upto(arena_.length)};
    if (span.begin > span.end) std::swap(span.begin, span.end);
    span.end = std::min(std::max(span.end, span.begin + least), arena_.length);
    return span;
  }
  void plan(Span span, std::unique_ptr<Fault> fault) {
    plans_.push_back(PlannedFault{span.begin, span.end, std::move(fault)});
  }
  NodeIndex node() { return random_.below(arena_.nodes); }

  void draw_weather() {
    Duration begin = upto(seconds(2));
    while (begin < arena_.length) {
      const Duration end = std::min(begin + seconds(1) + upto(arena_.length), arena_.length);
      LinkOptions bad = arena_.calm;
      bad.delay = microseconds(100 + random_.below(random_.chance(0.2) ? 100'000 : 5'000));
      bad.jitter = microseconds(random_.below(random_.chance(0.2) ? 200'000 : 5'000));
      if (random_.chance(0.7)) bad.loss = 0.3 * random_.unit();
      if (random_.chance(0.5)) bad.duplication = 0.3 * random_.unit();
      if (random_.chance(0.5)) bad.reordering = 0.3 * random_.unit();
      bad.reordering_delay = milliseconds(1 + random_.below(500));
      if (random_.chance(0.5)) bad.replay = 0.5 * random_.unit();
      if (random_.chance(0.4)) bad.damage = 0.2 * random_.unit();
      plan({begin, end}, std::make_unique<Weather>(bad, arena_.calm));
      begin = end + upto(arena_.length / 4);
    }
  }

  milliseconds clock_offset() {
    const std::uint32_t window_s = arena_.windows_s[random_.below(arena_.windows_s.size())];
    const auto most = static_cast<std::int64_t>(2000 * std::uint64_t{window_s});
    return milliseconds(static_cast<std::int64_t>(random_.below(2 * static_cast<std::uint64_t>(most) + 1)) -
                        most);
  }

  void draw_skews() {
    for (NodeIndex node = 0; node < arena_.nodes; ++node)
      if (random_.chance(0.5))
        plan({Duration{}, arena_.length}, std::make_unique<ClockOffset>(node, clock_offset()));
  }

  std::vector<Link> some_links(double share) {
    std::vector<Link> links;
    for (NodeIndex from = 0; from < arena_.nodes; ++from)
      for (NodeIndex to = 0; to < arena_.nodes; ++to)
        if (from != to && random_.chance(share)) links.emplace_back(from, to);
    return links;
  }

  std::unique_ptr<Fault> draw_cuts() {
    switch (random_.below(3)) {
      case 0:
        return std::make_unique<Cuts>("one way", some_links(0.2));
      case 1: {
        std::vector<Link> links;
        for (const Link& link : some_links(0.2)) {
          links.push_back(link);
          links.emplace_back(link.second, link.first);
        }
        return std::make_unique<Cuts>("partial partition", links);
      }
      default: {
        std::vector<std::uint64_t> side(arena_.nodes);
        const std::uint64_t sides = 2 + random_.below(2);
        for (std::uint64_t& each : side) each = random_.below(sides);
        std::vector<Link> links;
        for (const Link& link : some_links(1))
          if (side[link.first] != side[link.second]) links.push_back(link);
        return std::make_unique<Cuts>("partition", links);
      }
    }
  }

  std::unique_ptr<Fault> draw_dns() {
    std::vector<Endpoint> listed;
    const auto add_some = [&](double share) {
      for (NodeIndex each = 0; each < arena_.nodes; ++each)
        if (random_.chance(share))
          listed.push_back(Endpoint{Address::v4(10, 0, 0, static_cast<std::uint8_t>(each)), 4291});
    };
    const auto add_dead = [&](std::uint64_t count) {
      for (std::uint64_t i = 0; i < count; ++i)
        listed.push_back(
            Endpoint{Address::v4(10, 200, 0, static_cast<std::uint8_t>(1 + random_.below(200))), 4291});
    };
    switch (random_.below(4)) {
      case 0:
        return std::make_unique<Dns>(node(), "is empty", listed);
      case 1:
        add_some(0.5);
        return std::make_unique<Dns>(node(), "is partial", listed);
      case 2:
        add_some(1);
        add_dead(1 + random_.below(20));
        return std::make_unique<Dns>(node(), "lists the dead too", listed);
      default:
        add_some(0.3);
        add_dead(1 + random_.below(5));
        return std::make_unique<Dns>(node(), "is stale", listed);
    }
  }

  void draw_one(int kind) {
    switch (kind) {
      case 0:
      case 1:
        return plan(span(milliseconds(100)), draw_cuts());
      case 2: {
        Span when = span(milliseconds(10));
        when.end = std::min(when.end, when.begin + upto(clog_max));
        return plan(when, std::make_unique<Clog>(some_links(0.3), when.end - when.begin));
      }
      case 3: {
        Span when = span();
        when.end = std::min(arena_.length, when.begin + upto(pause_max));
        return plan(when, std::make_unique<Pause>(node(), when.end - when.begin));
      }
      case 4: {  // a step, and perhaps a step back
        Span when = span();
        if (random_.chance(0.5)) when.end = std::min(when.end, when.begin + upto(spike_max));
        return plan(when, std::make_unique<ClockOffset>(node(), clock_offset()));
      }
      case 5:
      case 6: {
        Span when = span();
        if (random_.chance(0.5)) when.end = std::min(when.end, when.begin + upto(milliseconds(500)));
        return plan(when, std::make_unique<Crash>(node()));
      }
      case 7:
        return plan(span(), std::make_unique<Leave>(node()));
      case 8:
        return plan(span(), draw_dns());
      default:
        return plan(span(), std::make_unique<Strangers>(false));
    }
  }

  Random& random_;
  const Arena& arena_;
  std::vector<PlannedFault> plans_;
};

}  // namespace

std::vector<PlannedFault> draw_faults(Random& random, const Arena& arena) {
  return Drawing(random, arena).draw();
}

}  // namespace starling::sim
