#include "sim/delayer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <deque>

namespace starling::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Datagram = Simulation::Datagram;

constexpr milliseconds hold_min{1000};
constexpr std::uint64_t hold_ms_more = 14'000;
/// Just often enough that a silence means nothing yet.
constexpr milliseconds dribble_min{300};
constexpr std::uint64_t dribble_ms_more = 500;
constexpr std::size_t hoard_max = 4000;

enum class Manner : std::uint8_t { late, last_first, dribbled };

}  // namespace

class Delayer::Play final : public Simulation::Tap {
 public:
  Play(Simulation& simulation, std::vector<Link> links, Instant takes_until)
      : simulation_(simulation),
        random_(simulation.random()),
        links_(std::move(links)),
        takes_until_(takes_until),
        manner_(static_cast<Manner>(random_.below(3))),
        hold_(hold_min + milliseconds(random_.below(hold_ms_more))) {}

  bool on_sent(const Datagram& datagram) override {
    if (simulation_.now() >= takes_until_ || hoard_.size() >= hoard_max || !is_mine(datagram)) return false;
    // A dribbler lets one in four pass, so that nobody is missed while it hoards.
    if (manner_ == Manner::dribbled && ++passed_ % 4 == 0) return false;
    hoard_.push_back(datagram);
    return true;
  }

  /// Delivers what is due; returns when to look again.
  Instant act() {
    const Instant now = simulation_.now();
    if (manner_ == Manner::dribbled) {
      if (now >= takes_until_) deliver(hoard_.begin());
      return now + dribble_min + milliseconds(random_.below(dribble_ms_more));
    }
    if (manner_ == Manner::last_first) {
      const bool is_due = !hoard_.empty() && now - hoard_.front().sent_at >= hold_;
      while (is_due && !hoard_.empty()) deliver(hoard_.end() - 1);
    }
    while (manner_ == Manner::late && !hoard_.empty() && now - hoard_.front().sent_at >= hold_)
      deliver(hoard_.begin());
    return now + milliseconds(20);
  }

  std::string to_string() const {
    constexpr std::array<std::string_view, 3> manners{"late", "late, last first", "one now and then"};
    return fmt::format("a delayer on {} links delivers {} ({} ms)", links_.size(),
                       manners[static_cast<std::size_t>(manner_)], hold_ / milliseconds(1));
  }
  Simulation& simulation() { return simulation_; }
  bool over = false;

 private:
  bool is_mine(const Datagram& datagram) const {
    return std::any_of(links_.begin(), links_.end(), [&](const Link& link) {
      return link.second == datagram.to &&
             simulation_.heartbeat_endpoint(link.first).address == datagram.from.address;
    });
  }
  void deliver(const std::deque<Datagram>::iterator& which) {
    if (hoard_.empty()) return;
    simulation_.arrive(*which);
    hoard_.erase(which);
  }

  Simulation& simulation_;
  Random& random_;
  std::vector<Link> links_;
  Instant takes_until_;
  Manner manner_;
  Duration hold_;
  std::deque<Datagram> hoard_;
  std::uint64_t passed_ = 0;
};

Delayer::~Delayer() = default;

std::string Delayer::begin(Simulation& simulation) {
  play_ = std::make_shared<Play>(simulation, links_, simulation.now() + takes_for_);
  simulation.add_tap(play_);
  again(play_);
  return play_->to_string();
}

void Delayer::end(Simulation& simulation) {
  if (play_ == nullptr) return;
  play_->over = true;
  simulation.remove_tap(play_);
}

void Delayer::again(const std::shared_ptr<Play>& play) {
  if (play->over) return;
  const Instant next = play->act();
  play->simulation().at(next, [play] { again(play); });
}

}  // namespace starling::sim
