#include "gossip/publish_queue.hpp"

#include <doctest/doctest.h>

#include "gossip/flush_rule.hpp"

namespace starling {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Instant far_off{std::chrono::hours(1)};

struct Fixture {
  Random random{1};
  PublishQueue queue{PublishQueue::Options{.components_max = 10}, random};
  Instant now{seconds(10)};
  std::vector<ComponentIndex> due;

  std::size_t taken(Instant at) {
    due.clear();
    queue.take_due(at, due);
    return due.size();
  }
};

}  // namespace

TEST_SUITE("gossip.flush_rule") {
  TEST_CASE(
      "far from the limit a share is kept back, near it nothing, and alone as with others at least one hit") {
    CHECK(flush_threshold(1000, 10) == 50);
    CHECK(flush_threshold(1000, 1) == 500);
    CHECK(flush_threshold(20, 10) == 1);
    CHECK(flush_threshold(0, 10) == 1);
    CHECK(flush_threshold(5, 0) == 2);
  }

  TEST_CASE("an eighth of the threshold begins to matter, and where the threshold is small every hit does") {
    CHECK(urgency(50, 50) == Urgency::now);
    CHECK(urgency(49, 50) == Urgency::soon);
    CHECK(urgency(6, 50) == Urgency::soon);
    CHECK(urgency(5, 50) == Urgency::late);
    CHECK(urgency(1, 15) == Urgency::soon);
    CHECK(urgency(0, 1) == Urgency::soon);
  }

  TEST_CASE("all nodes together keep back less than half of what remains") {
    for (std::uint32_t nodes = 1; nodes <= 300; nodes += 7)
      for (Hits remaining = 2 * nodes; remaining < 100'000; remaining = remaining * 3 / 2)
        CHECK((flush_threshold(remaining, nodes) - 1) * nodes < remaining / 2 + 1);
  }
}

TEST_SUITE("gossip.publish_queue") {
  TEST_CASE("the first urgent one goes at once, the next ones share a flush half a millisecond later") {
    Fixture f;
    f.queue.add(ComponentIndex{1}, 100, true, f.now);
    CHECK(f.queue.next_deadline() == f.now);
    CHECK(f.taken(f.now) == 1);
    f.queue.add(ComponentIndex{1}, 100, true, f.now + microseconds(10));
    f.queue.add(ComponentIndex{2}, 100, true, f.now + microseconds(20));
    CHECK(f.queue.next_deadline() == f.now + microseconds(500));
    CHECK(f.taken(f.now + microseconds(499)) == 0);
    CHECK(f.taken(f.now + microseconds(500)) == 2);
    CHECK(f.queue.empty());
  }

  TEST_CASE("what is urgent can be taken alone: the beat keeps what is its own, however late it is") {
    Fixture f;
    f.queue.add(ComponentIndex{1}, 100, false, f.now);
    f.queue.add(ComponentIndex{2}, 100, true, f.now);
    const Instant late = f.now + seconds(2);
    CHECK(f.queue.take_urgent(late, f.due));
    CHECK(f.due == std::vector{ComponentIndex{2}});
    CHECK_FALSE(f.queue.take_urgent(late, f.due));
    CHECK(f.queue.next_deadline() < late);
    CHECK(f.taken(late) == 1);
    CHECK(f.queue.empty());
  }

  TEST_CASE("the others wait for the beat, at most one interval") {
    Fixture f;
    f.queue.add(ComponentIndex{1}, 100, false, f.now);
    const Instant beat = f.queue.next_deadline();
    CHECK(beat > f.now);
    CHECK(beat <= f.now + milliseconds(500));
    CHECK(f.taken(beat - microseconds(1)) == 0);
    CHECK(f.taken(beat) == 1);
    CHECK(f.queue.next_deadline() == never);
  }

  TEST_CASE("a waiting one that becomes urgent goes with the flush, once") {
    Fixture f;
    f.queue.add(ComponentIndex{1}, 100, false, f.now);
    CHECK(f.queue.limit_of_waiting(ComponentIndex{1}) == 100);
    f.queue.add(ComponentIndex{1}, 100, true, f.now);
    CHECK_FALSE(f.queue.limit_of_waiting(ComponentIndex{1}).has_value());
    CHECK(f.taken(f.now) == 1);
    CHECK(f.taken(f.now + seconds(1)) == 0);
  }

  TEST_CASE("a forgotten component is never published, and its row can be another's") {
    Fixture f;
    f.queue.add(ComponentIndex{1}, 100, true, f.now);
    f.queue.set_published(ComponentIndex{1}, 42);
    f.queue.forget(ComponentIndex{1});
    CHECK(f.queue.empty());
    CHECK(f.queue.published(ComponentIndex{1}) == 0);
    f.queue.add(ComponentIndex{1}, 100, true, f.now);
    CHECK(f.taken(f.now) == 1);
  }

  TEST_CASE("late ones go with the next beat while they are few, of many each within eight beats") {
    constexpr std::uint32_t count = 10 * PublishQueue::late_per_beat_min_default;
    Random random{1};
    PublishQueue queue{PublishQueue::Options{.components_max = count}, random};
    const Instant start{seconds(10)};
    std::vector<ComponentIndex> taken;
    queue.add_late(ComponentIndex{1}, 100, far_off, start);
    queue.take_due(queue.next_deadline(), taken);
    CHECK(taken.size() == 1);
    CHECK(queue.next_deadline() == never);

    for (std::uint32_t i = 0; i < count; ++i)
      queue.add_late(ComponentIndex{i}, 100, far_off, start + seconds(1));
    taken.clear();
    for (std::uint32_t beat = 1; beat <= LateList::beats_max; ++beat) {
      const Instant due = queue.next_deadline();
      CHECK(due <= start + seconds(1) + beat * milliseconds(500));
      while (queue.next_deadline() <= due) queue.take_due(due, taken);
      if (beat < LateList::beats_max) CHECK(taken.size() == beat * PublishQueue::late_per_beat_min_default);
      queue.add_late(ComponentIndex{count - 1}, 100, far_off,
                     due);  // waits already: no other place, no other age
    }
    CHECK(taken.size() == count);
    CHECK(queue.places_count() == 1);
    for (std::uint32_t i = 0; i < count; ++i) CHECK(taken[i] == ComponentIndex{i});
  }

  TEST_CASE("late ones wait for the first beat after the end of their window, and no longer") {
    Random random{1};
    PublishQueue queue{PublishQueue::Options{.late_per_beat_min = 0, .components_max = 10}, random};
    const Instant now{seconds(10)};
    queue.add(ComponentIndex{0}, 100, false, now);
    const Instant beat = queue.next_deadline();
    queue.add_late(ComponentIndex{1}, 100, now - seconds(1), now);
    queue.add_late(ComponentIndex{2}, 100, beat, now);
    queue.add_late(ComponentIndex{3}, 100, beat + milliseconds(1), now);
    queue.add_late(ComponentIndex{4}, 100, beat + milliseconds(500), now);
    queue.add_late(ComponentIndex{5}, 100, beat + milliseconds(501), now);
    std::vector<ComponentIndex> taken;
    queue.take_due(beat, taken);
    CHECK(taken == std::vector{ComponentIndex{0}, ComponentIndex{1}, ComponentIndex{2}});
    taken.clear();
    queue.take_due(beat + milliseconds(500), taken);
    CHECK(taken == std::vector{ComponentIndex{3}, ComponentIndex{4}});
    taken.clear();
    queue.take_due(beat + milliseconds(1000), taken);
    CHECK(taken == std::vector{ComponentIndex{5}});
  }

  TEST_CASE("a late one that begins to matter goes with the next beat, or at once, and only once") {
    constexpr std::uint32_t count = 2 * PublishQueue::late_per_beat_min_default;
    constexpr ComponentIndex soon{count - 1};
    constexpr ComponentIndex urgent{count - 2};
    Random random{1};
    PublishQueue queue{PublishQueue::Options{.components_max = count}, random};
    const Instant now{seconds(10)};
    for (std::uint32_t i = 0; i < count; ++i) queue.add_late(ComponentIndex{i}, 100, far_off, now);
    CHECK(queue.limit_of_waiting(soon) == 100);
    queue.add(soon, 100, false, now);
    queue.add_late(soon, 100, far_off, now);
    queue.add(urgent, 100, true, now);
    std::vector<ComponentIndex> taken;
    CHECK(queue.take_due(now, taken));
    CHECK(taken == std::vector{urgent});
    taken.clear();
    const Instant beat = queue.next_deadline();
    while (queue.next_deadline() <= beat) queue.take_due(beat, taken);
    CHECK(taken.size() == PublishQueue::late_per_beat_min_default + 1);
    CHECK(taken[0] == soon);
    while (!queue.empty()) queue.take_due(queue.next_deadline(), taken);
    CHECK(taken.size() == count - 1);
  }

  TEST_CASE("a forgotten late one is not published, and its place serves whoever gets the row") {
    Fixture f;
    for (int life = 0; life < 100; ++life) {
      f.queue.add_late(ComponentIndex{1}, 100, far_off, f.now);
      if (life != 99) f.queue.forget(ComponentIndex{1});
    }
    CHECK(f.queue.places_count() == 1);
    CHECK(f.taken(f.queue.next_deadline()) == 1);
    CHECK(f.queue.places_count() == 0);
  }

  TEST_CASE("everything can be taken at once") {
    Fixture f;
    f.queue.add(ComponentIndex{1}, 100, true, f.now);
    f.queue.add(ComponentIndex{2}, 100, false, f.now);
    f.queue.add_late(ComponentIndex{3}, 100, far_off, f.now);
    f.queue.take_all(f.now, f.due);
    CHECK(f.due.size() == 3);
    CHECK(f.queue.empty());
  }

  TEST_CASE(
      "a beat of very many is taken in parts, each component once, and the next beat waits for the last") {
    constexpr std::uint32_t count = 3 * PublishQueue::lazy_per_turn_max - 1;
    Random random{1};
    PublishQueue queue{PublishQueue::Options{.components_max = count}, random};
    const Instant now{seconds(10)};
    for (std::uint32_t i = 0; i < count; ++i) queue.add(ComponentIndex{i}, 100, false, now);
    const Instant beat = queue.next_deadline();
    std::vector<ComponentIndex> taken;
    for (std::size_t part = 1; part <= 3; ++part) {
      CHECK(queue.next_deadline() <= beat);
      queue.take_due(beat, taken);
      CHECK(taken.size() == std::min<std::size_t>(part * PublishQueue::lazy_per_turn_max, count));
    }
    CHECK(queue.empty());
    CHECK(queue.places_count() == 0);
    CHECK(queue.next_deadline() == never);
    queue.add(ComponentIndex{7}, 100, false, beat);
    CHECK(queue.next_deadline() > beat);
    for (std::uint32_t i = 0; i < count; ++i) CHECK(taken[i] == ComponentIndex{i});
  }

  TEST_CASE("a row that changes hands again and again before the beat takes one place") {
    Fixture f;
    for (int life = 0; life < 100; ++life) {
      f.queue.add(ComponentIndex{1}, 100, false, f.now);
      if (life != 99) f.queue.forget(ComponentIndex{1});
    }
    CHECK(f.queue.places_count() == 1);
    CHECK(f.taken(f.queue.next_deadline()) == 1);
    f.queue.add(ComponentIndex{1}, 100, false, f.now + seconds(5));
    CHECK(f.taken(f.queue.next_deadline()) == 1);
  }

  TEST_CASE("what comes while a beat is being taken waits for the next, and what is gone is not taken") {
    constexpr std::uint32_t count = PublishQueue::lazy_per_turn_max + 10;
    Random random{1};
    PublishQueue queue{PublishQueue::Options{.components_max = count}, random};
    const Instant now{seconds(10)};
    for (std::uint32_t i = 0; i < count; ++i) queue.add(ComponentIndex{i}, 100, false, now);
    const Instant beat = queue.next_deadline();
    std::vector<ComponentIndex> taken;
    queue.take_due(beat, taken);
    queue.add(ComponentIndex{0}, 100, false, beat);
    queue.forget(ComponentIndex{count - 1});
    queue.take_due(beat, taken);
    CHECK(taken.size() == count - 1);
    CHECK(queue.places_count() == 1);
    CHECK(queue.next_deadline() == beat + milliseconds(500));
    queue.take_due(beat + milliseconds(500), taken);
    CHECK(taken.size() == count);
    CHECK(taken.back() == ComponentIndex{0});
    CHECK(queue.empty());
    CHECK(queue.places_count() == 0);
  }

  TEST_CASE("a beat ends in a flood that brings as much as each part takes, and keeps no places") {
    constexpr std::uint32_t count = 2 * PublishQueue::lazy_per_turn_max;
    Random random{1};
    PublishQueue queue{PublishQueue::Options{.components_max = count}, random};
    Instant now{seconds(10)};
    for (std::uint32_t i = 0; i < count; ++i) queue.add(ComponentIndex{i}, 100, false, now);
    std::size_t beats = 0;
    for (std::uint32_t turn = 0; turn < 100; ++turn) {
      std::vector<ComponentIndex> taken;
      const Instant due = queue.next_deadline();
      beats += due > now ? 1 : 0;
      now = std::max(now, due);
      queue.take_due(now, taken);
      CHECK(taken.size() == PublishQueue::lazy_per_turn_max);
      for (const ComponentIndex component : taken) queue.add(component, 100, false, now);
      CHECK(queue.places_count() == count);
    }
    CHECK(beats == 50);
  }

  TEST_CASE("a beat of which the rest became urgent does not put the next one off") {
    constexpr std::uint32_t count = PublishQueue::lazy_per_turn_max + 10;
    Random random{1};
    PublishQueue queue{PublishQueue::Options{.components_max = count + 1}, random};
    const Instant now{seconds(10)};
    for (std::uint32_t i = 0; i < count; ++i) queue.add(ComponentIndex{i}, 100, false, now);
    const Instant beat = queue.next_deadline();
    std::vector<ComponentIndex> taken;
    queue.take_due(beat, taken);
    for (std::uint32_t i = PublishQueue::lazy_per_turn_max; i < count; ++i)
      queue.add(ComponentIndex{i}, 100, true, beat);
    queue.take_due(beat, taken);
    CHECK(queue.empty());
    queue.add(ComponentIndex{count}, 100, false, beat);
    queue.take_due(queue.next_deadline(), taken);
    CHECK(taken.size() == count + 1);
    CHECK(queue.empty());
  }
}

}  // namespace starling
