/// `Engine::top`: the hottest callers of the cluster, with names that only others have seen.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>

#include "net.hpp"

namespace starling {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TopView look(Net& net, Net::Side& side, const TopQuery& query = {}) {
  return side.engine->top(query, net.now, net.wall(), side);
}

/// Looks, lets what was asked for arrive, and looks again.
TopView look_twice(Net& net, Net::Side& side, const TopQuery& query = {}) {
  look(net, side, query);
  net.deliver();
  return look(net, side, query);
}

std::map<std::string, Hits> used(const TopView& view) {
  std::map<std::string, Hits> result;
  for (const TopRow& row : view.rows) result[row.named ? row.principal : "?"] = row.used;
  return result;
}

std::vector<std::string> order(const TopView& view) {
  std::vector<std::string> result;
  for (const TopRow& row : view.rows) result.push_back(row.named ? row.principal : "?");
  return result;
}

using Used = std::map<std::string, Hits>;
using Order = std::vector<std::string>;

Rule rule_of(std::string name, std::string key, Hits requests) {
  return Rule{.name = std::move(name),
              .match = {Matcher{.key = std::move(key), .kind = Matcher::Kind::any, .text = ""}},
              .limits = {Limit{requests, 3600}}};
}

bool ask(Net& net, Net::Side& side, const Entry& entry, std::uint64_t hits) {
  const Descriptor descriptor{std::span(&entry, 1)};
  return side.engine
      ->decide(Request{.descriptors = std::span(&descriptor, 1), .hits = hits}, net.now, net.wall())
      .allowed;
}

}  // namespace

TEST_SUITE("engine.top") {
  TEST_CASE("of each rule the hottest caller: a rule with many does not hide the others") {
    RuleSet set = one_limit(10, 3600);
    set.rules = {rule_of("users", "user", 10), rule_of("hosts", "host", 100), rule_of("idle", "idle", 5)};
    Net net(set);
    Net::Side& a = net.add();
    for (int i = 0; i < 30; ++i) {
      const std::string user = "u" + std::to_string(i);
      ask(net, a, {"user", user}, i == 17 ? 9 : 8);
    }
    ask(net, a, {"host", "h1"}, 3);
    ask(net, a, {"host", "h2"}, 4);
    const TopView view = look(net, a, {.by = TopQuery::By::usage, .one_per_rule = true});
    CHECK(order(view) == Order{"user=u17", "host=h2"});
    CHECK(order(look(net, a, {.by = TopQuery::By::hits, .one_per_rule = true})) ==
          Order{"user=u17", "host=h2"});
    CHECK(look(net, a, {.by = TopQuery::By::usage, .rows_max = 40}).rows.size() == 32);
  }

  TEST_CASE("a node that is alone shows its callers, the hottest first, each with its limit") {
    Net net(one_limit(10, 3600));
    Net::Side& a = net.add();
    net.ask(a, "alice", 3);
    net.ask(a, "bob", 7);
    net.ask(a, "carol", 1);
    const TopView view = look(net, a);
    CHECK(view.complete);
    CHECK(view.unnamed == 0);
    CHECK(view.scanned == 3);
    CHECK(order(view) == Order{"principal=bob", "principal=alice", "principal=carol"});
    CHECK(view.rows[0].limit == 10);
    CHECK(view.rows[0].used == 7);
    CHECK(view.rows[0].usage() == doctest::Approx(0.7));
    CHECK(view.rows[0].window_s == 3600);
    CHECK(view.rows[0].window_id == Window::at(net.wall(), 3600).id.value);
    CHECK(view.rows[0].rule == a.engine->rules().rules[0].name);
    REQUIRE(view.rows[0].shares.size() == 1);
    CHECK(view.rows[0].shares[0].origin == a.engine->origin());
    CHECK(view.rows[0].shares[0].hits == 7);
    CHECK(order(look(net, a, {.rows_max = 2})) == Order{"principal=bob", "principal=alice"});
  }

  TEST_CASE("a caller seen only elsewhere is shown by its key first, and by its name after asking") {
    Net net(one_limit(100, 3600));
    Net::Side& a = net.add();
    Net::Side& b = net.add();
    net.settle();
    for (int i = 0; i < 40; ++i) net.ask(a, "alice");
    net.ask(b, "bob", 5);
    net.pass(seconds(1));
    const TopView before = look(net, b);
    CHECK(before.unnamed == 1);
    CHECK(before.asking == 1);
    CHECK(used(before) == Used{{"?", 40}, {"principal=bob", 5}});
    net.deliver();
    const TopView after = look(net, b);
    CHECK(after.unnamed == 0);
    CHECK(used(after) == Used{{"principal=alice", 40}, {"principal=bob", 5}});
    CHECK(after.rows[0].limit == 100);
    CHECK(after.rows[0].key == before.rows[0].key);
    REQUIRE(after.rows[0].shares.size() == 1);
    CHECK(after.rows[0].shares[0].origin == a.engine->origin());
    look(net, b);
    CHECK(net.wire.empty());  // what is known is not asked for again
  }

  TEST_CASE("shares tell who counted how much, the largest first") {
    Net net(one_limit(100, 3600));
    for (int i = 0; i < 3; ++i) net.add();
    net.settle();
    net.ask(net.sides[0], "alice", 5);
    net.ask(net.sides[1], "alice", 20);
    net.ask(net.sides[2], "alice", 10);
    net.pass(seconds(1));
    for (Net::Side& side : net.sides) {
      const TopView view = look(net, side);
      REQUIRE(view.rows.size() == 1);
      CHECK(view.rows[0].used == 35);
      CHECK(view.rows[0].nodes_count == 3);
      std::vector<std::uint64_t> origins;
      for (const auto& share : view.rows[0].shares) origins.push_back(share.origin.value);
      CHECK(origins == std::vector<std::uint64_t>{2, 3, 1});
    }
  }

  TEST_CASE("by usage: who is nearest its limit comes first, and names are asked for to find out") {
    RuleSet rules = RuleSet::built_in();
    rules.rules = {rule_of("narrow", "principal", 10), rule_of("wide", "user", 1000)};
    Net net(rules);
    Net::Side& a = net.add();
    Net::Side& b = net.add();
    net.settle();
    ask(net, a, {"principal", "alice"}, 9);
    ask(net, a, {"user", "bob"}, 100);
    net.pass(seconds(1));
    const TopQuery by_usage{.by = TopQuery::By::usage};
    CHECK(order(look(net, a)) == Order{"user=bob", "principal=alice"});
    CHECK(order(look(net, a, by_usage)) == Order{"principal=alice", "user=bob"});
    const TopView before = look(net, b, by_usage);
    CHECK(before.rows.empty());
    CHECK(before.unnamed == 2);
    net.deliver();
    CHECK(order(look(net, b, by_usage)) == Order{"principal=alice", "user=bob"});
  }

  TEST_CASE("of one rule only its callers are shown, also those whose rule has to be asked for") {
    RuleSet rules = RuleSet::built_in();
    rules.rules = {rule_of("narrow", "principal", 10), rule_of("wide", "user", 1000)};
    Net net(rules);
    Net::Side& a = net.add();
    Net::Side& b = net.add();
    net.settle();
    ask(net, a, {"principal", "alice"}, 9);
    ask(net, a, {"user", "bob"}, 100);
    net.pass(seconds(1));
    CHECK(order(look(net, a, {.rule = "narrow"})) == Order{"principal=alice"});
    CHECK(order(look_twice(net, b, {.rule = "narrow"})) == Order{"principal=alice"});
    CHECK(look(net, b, {.rule = "nobody"}).rows.empty());
  }

  TEST_CASE("by denied: this node's denials, of callers also that have no counter of their own here") {
    Net net(one_limit(10, 3600));
    Net::Side& a = net.add();
    Net::Side& b = net.add();
    net.settle();
    net.ask(a, "alice", 10);
    net.ask(a, "bob", 10);
    net.pass(seconds(1));
    for (int i = 0; i < 5; ++i) CHECK_FALSE(net.ask(b, "alice"));
    CHECK_FALSE(net.ask(b, "bob", 3));
    CHECK(net.ask(b, "bob", 0));  // only looks: no denial
    const TopQuery by_denied{.by = TopQuery::By::denied};
    const TopView view = look(net, b, by_denied);
    CHECK(order(view) == Order{"principal=alice", "principal=bob"});
    CHECK(view.rows[0].denied_here == 5);
    CHECK(view.rows[0].learned_here == 0);
    CHECK(view.rows[0].used == 10);
    CHECK(view.rows[1].denied_here == 3);
    CHECK(look(net, a, by_denied).rows.empty());
    CHECK(look(net, b).rows[0].denied_here + look(net, b).rows[1].denied_here == 8);
  }

  TEST_CASE("windows that are over are shown no more") {
    Net net(one_limit(2, 1));
    Net::Side& a = net.add();
    net.ask(a, "alice", 2);
    net.ask(a, "alice");
    CHECK(look(net, a).rows.size() == 1);
    CHECK(look(net, a, {.by = TopQuery::By::denied}).rows.size() == 1);
    net.pass(milliseconds(1000));
    CHECK(look(net, a).rows.empty());
    CHECK(look(net, a, {.by = TopQuery::By::denied}).rows.empty());
    net.pass(milliseconds(300));
    CHECK(a.engine->sizes().denied == 0);
    net.ask(a, "alice");
    CHECK(order(look(net, a)) == Order{"principal=alice"});  // the name outlives the window
  }

  TEST_CASE("a crowd of the window before hides nobody of the current one") {
    Net net(one_limit(1000, 1));
    Net::Side& a = net.add();
    for (std::size_t i = 0; i < top_rows_max + 500; ++i) net.ask(a, std::to_string(i), 5);
    net.pass(milliseconds(1000));
    net.ask(a, "alice");
    REQUIRE(a.engine->counts().counters_used > top_rows_max);
    CHECK(order(look(net, a)) == Order{"principal=alice"});
  }

  TEST_CASE("with a sliding window the previous one weighs on what is used") {
    RuleSet rules = one_limit(100, 10);
    rules.rules[0].algorithm = Algorithm::sliding_window;
    Net net(rules);
    Net::Side& a = net.add();
    net.ask(a, "alice", 60);
    const std::uint64_t first = Window::at(net.wall(), 10).id.value;
    while (Window::at(net.wall(), 10).id.value == first) net.pass(milliseconds(100));
    net.pass(seconds(5));
    net.ask(a, "alice", 1);
    const TopView view = look(net, a);
    REQUIRE(view.rows.size() == 1);
    CHECK(view.rows[0].used > 25);
    CHECK(view.rows[0].used < 35);
    const Entry entry{"principal", "alice"};
    const Descriptor descriptor{std::span(&entry, 1)};
    const Decision decision =
        a.engine->decide(Request{.descriptors = std::span(&descriptor, 1), .hits = 0}, net.now, net.wall());
    CHECK(view.rows[0].used == decision.limits[0].used);
  }

  TEST_CASE("of a counter that only the dead have counted in nobody is asked: it is shown by its key") {
    Net net(one_limit(100, 3600));
    Net::Side& a = net.add();
    Net::Side& b = net.add();
    net.add();
    net.settle();
    net.ask(a, "alice", 40);
    net.pass(seconds(1));
    a.engine.reset();
    net.pass(seconds(5));
    const TopView view = look(net, b);
    CHECK(used(view) == Used{{"?", 40}});
    CHECK(view.unnamed == 1);
    CHECK(view.asking == 0);
    CHECK(net.wire.empty());
  }

  TEST_CASE("who holds less is asked when who holds the most does not answer; then nobody for a while") {
    Net net(one_limit(1000, 3600));
    for (int i = 0; i < 6; ++i) net.add();
    net.settle();
    for (std::size_t i = 1; i < 6; ++i) net.ask(net.sides[i], "alice", 60 - 10 * i);
    net.pass(seconds(1));
    std::vector<std::size_t> asked;
    Net::Side& a = net.sides[0];
    const auto look_and_lose = [&] {
      const TopView view = look(net, a);
      for (const Net::Datagram& datagram : net.wire) asked.push_back(datagram.to.address.bytes[15] - 1U);
      net.wire.clear();
      return view.asking;
    };
    CHECK(look_and_lose() == 1);
    CHECK(look_and_lose() == 1);  // on its way: not asked twice
    for (int i = 0; i < 4; ++i) {
      net.now += milliseconds(100);
      look_and_lose();
    }
    CHECK(asked == std::vector<std::size_t>{1, 2, 3});
    CHECK(look_and_lose() == 0);
    net.now += seconds(5);
    CHECK(look_and_lose() == 1);
    CHECK(asked == std::vector<std::size_t>{1, 2, 3, 1});
  }

  TEST_CASE("the only holder is asked again, for packets are lost") {
    Net net(one_limit(1000, 3600));
    net.add();
    net.add();
    net.settle();
    net.ask(net.sides[1], "alice", 20);
    net.pass(seconds(1));
    look(net, net.sides[0]);
    net.wire.clear();
    net.now += milliseconds(100);
    CHECK(used(look_twice(net, net.sides[0])) == Used{{"principal=alice", 20}});
  }

  TEST_CASE("a node of before that knows no such question is passed over") {
    Net net(one_limit(1000, 3600));
    for (int i = 0; i < 3; ++i) net.add();
    net.settle();
    net.ask(net.sides[1], "alice", 20);
    net.ask(net.sides[2], "alice", 10);
    net.pass(seconds(1));
    net.alter = [](Net::Datagram& datagram, std::size_t to) {
      if (to == 1 && static_cast<int>(datagram.bytes[5]) > 5) datagram.bytes.clear();
    };
    CHECK(look_twice(net, net.sides[0]).unnamed == 1);
    net.now += milliseconds(100);
    CHECK(used(look_twice(net, net.sides[0])) == Used{{"principal=alice", 30}});
  }
}

TEST_SUITE("engine.top lies") {
  struct Asked {
    Net net{one_limit(100, 3600)};
    Net::Side* a;
    Net::Side* b;
    CounterKey key;
    Asked() {
      a = &net.add();
      b = &net.add();
      net.add();
      net.settle();
      net.ask(*a, "alice", 40);
      net.pass(seconds(1));
      key = look(net, *b).rows.at(0).key;
      net.wire.clear();  // asked, and not yet answered
    }
    wire::Names answer(OriginId sender) const {
      return {.sender = sender,
              .recipient = b->engine->origin(),
              .names = {{.key = key, .limit = 7, .window_s = 3600, .rule = "r", .principal = "forged"}}};
    }
    /// What b calls it afterwards.
    std::string name() {
      const TopView view = look(net, *b);
      return view.rows.at(0).named ? view.rows.at(0).principal : "?";
    }
  };

  TEST_CASE("an answer is taken from whom was asked, at its own address, about what was asked") {
    Asked asked;
    const Address home = asked.a->address.address;
    REQUIRE(asked.net.forge(*asked.b, asked.answer(OriginId{1}), home));
    CHECK(asked.name() == "forged");
  }

  TEST_CASE("not from another address, another peer, a stranger, or to somebody else") {
    Asked asked;
    const Address home = asked.a->address.address;
    CHECK(asked.net.forge(*asked.b, asked.answer(OriginId{1})).error().code == ErrorCode::unknown_sender);
    CHECK(asked.net.forge(*asked.b, asked.answer(OriginId{77}), home).error().code ==
          ErrorCode::unknown_sender);
    wire::Names misled = asked.answer(OriginId{1});
    misled.recipient = OriginId{3};
    CHECK(asked.net.forge(*asked.b, misled, home).error().code == ErrorCode::unknown_sender);
    CHECK(asked.b->engine->sizes().names_refused == 0);
    CHECK(asked.net.forge(*asked.b, asked.answer(OriginId{3}), asked.net.sides[2].address.address));
    CHECK(asked.b->engine->sizes().names_refused == 1);
    CHECK(asked.name() == "?");
  }

  TEST_CASE("not about another window, not about another key, not twice, not too late") {
    Asked asked;
    const Address home = asked.a->address.address;
    wire::Names other = asked.answer(OriginId{1});
    other.names[0].window_s = 60;
    CHECK(asked.net.forge(*asked.b, other, home));
    wire::Names flood = asked.answer(OriginId{1});
    for (std::uint64_t i = 1; i < 15; ++i) {
      flood.names.push_back(flood.names[0]);
      flood.names.back().key.value += i;
    }
    flood.names.erase(flood.names.begin());
    CHECK(asked.net.forge(*asked.b, flood, home));
    CHECK(asked.b->engine->sizes().names_refused == 15);
    CHECK(asked.b->engine->sizes().names == 0);
    asked.net.now += milliseconds(2001);
    CHECK(asked.net.forge(*asked.b, asked.answer(OriginId{1}), home));
    CHECK(asked.b->engine->sizes().names == 0);
    CHECK(asked.name() == "?");  // asked again by this look
    CHECK(asked.net.forge(*asked.b, asked.answer(OriginId{1}), home));
    CHECK(asked.name() == "forged");
    wire::Names again = asked.answer(OriginId{1});
    again.names[0].principal = "forged again";
    CHECK(asked.net.forge(*asked.b, again, home));
    CHECK(asked.name() == "forged");
  }

  TEST_CASE("questions are answered to live peers at their own addresses only, and within bounds") {
    Asked asked;
    const Address home = asked.b->address.address;
    wire::NamesQuery query{
        .sender = asked.b->engine->origin(), .recipient = OriginId{1}, .keys = {asked.key}};
    CHECK(asked.net.forge(*asked.a, query).error().code == ErrorCode::unknown_sender);
    query.sender = OriginId{55};
    CHECK(asked.net.forge(*asked.a, query, home).error().code == ErrorCode::unknown_sender);
    CHECK(asked.net.wire.empty());
    query.sender = asked.b->engine->origin();
    CHECK(asked.net.forge(*asked.a, query, home));
    CHECK(asked.net.wire.size() == 1);
    asked.net.wire.clear();
    query.keys = {CounterKey{1}, CounterKey{2}};  // unknown here: no answer
    CHECK(asked.net.forge(*asked.a, query, home));
    CHECK(asked.net.wire.empty());
    // Names as long as they may be: one fits a datagram, and there are 16 in all.
    query.keys.clear();
    RuleSet rules = one_limit(100, 3600);
    rules.rules[0].name = std::string(rule_text_bytes_max, 'r');
    asked.a->engine->replace_rules(rules);
    for (int i = 0; i < 100; ++i) asked.net.ask(*asked.a, std::string(300, 'p') + std::to_string(i));
    for (const TopRow& row : look(asked.net, *asked.a, {.rows_max = 100}).rows) query.keys.push_back(row.key);
    REQUIRE(query.keys.size() == 100);
    asked.net.wire.clear();
    CHECK(asked.net.forge(*asked.a, query, home));
    CHECK(asked.net.wire.size() == NameExchange::answers_max);
  }

  TEST_CASE("what is remembered as asked is bounded, and a look asks about no more than it may") {
    EngineOptions options;
    Net net(one_limit(1000, 3600));
    Net::Side& a = net.add();
    Net::Side& b = net.add();
    net.settle();
    for (int i = 0; i < 3000; ++i) net.ask(a, "user-" + std::to_string(i), 1 + i % 7);
    net.pass(seconds(2));
    net.copies = [](const Net::Datagram& datagram, std::size_t) {
      return static_cast<int>(datagram.bytes[5]) == 9 ? 0 : 1;  // no answer arrives
    };
    const TopView view = look(net, b, {.rows_max = top_rows_max});
    CHECK(view.rows.size() == top_rows_max);
    CHECK(view.unnamed == TopScan::unnamed_max);
    CHECK(view.asking == TopScan::unnamed_max);
    CHECK(net.wire.size() == TopScan::unnamed_max / wire::keys_per_query_max);
    net.deliver();
    net.copies = [](const Net::Datagram&, std::size_t) { return 1; };
    net.now += milliseconds(100);
    for (int i = 0; i < 3; ++i) {
      look(net, b, {.rows_max = top_rows_max});
      net.deliver();
    }
    CHECK(look(net, b, {.rows_max = top_rows_max}).rows[0].named);
    CHECK(b.engine->sizes().names_asked <= NameExchange::asked_max);
  }
}

TEST_SUITE("engine.top large") {
  TEST_CASE("a large table is read slice by slice, and shows the same as one that is read at once") {
    constexpr std::size_t callers = 200'000;
    Net net(one_limit(1'000'000, 3600));
    EngineOptions options = net.options_for(OriginId{1});
    options.has_neighborhood = false;
    options.counters_max = callers + 10;
    options.components_max = callers + 10;
    Net::Side& a = net.add(options);
    Random random(3);
    std::vector<std::pair<Hits, std::string>> truth;
    for (std::size_t i = 0; i < callers; ++i) {
      const std::string caller = "user-" + std::to_string(i);
      const Hits hits = 1 + random.below(1000) + (random.chance(0.001) ? i : 0);
      net.ask(a, caller, hits);
      truth.emplace_back(hits, "principal=" + caller);
    }
    std::sort(truth.begin(), truth.end(), std::greater<>());
    TopQuery query{.rows_max = top_rows_max};
    TopView view = look(net, a, query);
    CHECK_FALSE(view.complete);
    CHECK(view.rows.empty());
    CHECK(a.engine->next_deadline() <= net.now);
    int slices = 0;
    while (!view.complete && slices < 1000) {
      net.now = std::max(net.now, a.engine->next_deadline());
      a.engine->on_tick(net.now, net.wall(), a);
      ++slices;
      view = look(net, a, query);
    }
    CHECK(view.scanned == callers);
    CHECK(slices >= static_cast<int>(callers / TopScan::slice_rows_max));
    REQUIRE(view.rows.size() == top_rows_max);
    for (std::size_t i = 0; i < top_rows_max; ++i) CHECK(view.rows[i].used == truth[i].first);

    // A second later it is read anew, and until then the old rows are shown with their present counts.
    net.now += seconds(1);
    net.ask(a, view.rows[50].principal.substr(std::string_view("principal=").size()), 500'000);
    const TopView stale = look(net, a, query);
    CHECK_FALSE(stale.complete);
    CHECK(stale.rows.size() == top_rows_max);
    CHECK(stale.rows[0].key == view.rows[50].key);
    // Nobody looks any more: it ends. What was counted is published in parts meanwhile.
    for (int i = 0; i < 30; ++i) {
      net.now += milliseconds(500);
      for (int turns = 0; a.engine->next_deadline() <= net.now && turns < 1000; ++turns)
        a.engine->on_tick(net.now, net.wall(), a);
    }
    CHECK(a.engine->next_deadline() > net.now);
  }

  TEST_CASE("questions of many kinds at a time are answered one slice at a time, a few kinds at most") {
    Net net(one_limit(1'000'000, 3600));
    EngineOptions options = net.options_for(OriginId{1});
    options.has_neighborhood = false;
    options.counters_max = options.components_max = 40'000;
    Net::Side& a = net.add(options);
    for (int i = 0; i < 40'000; ++i) net.ask(a, std::to_string(i), 1 + i % 100);
    const std::string rule = a.engine->rules().rules[0].name;
    const std::vector<TopQuery> queries{
        {}, {.by = TopQuery::By::usage}, {.rule = rule}, {.rule = rule, .by = TopQuery::By::usage}};
    for (const TopQuery& query : queries) CHECK_FALSE(look(net, a, query).complete);
    for (int i = 0; i < 30; ++i) {
      net.now += milliseconds(1);
      a.engine->on_tick(net.now, net.wall(), a);
    }
    for (const TopQuery& query : queries) {
      const TopView view = look(net, a, query);
      CHECK(view.complete);
      CHECK(view.rows.size() == 20);
      CHECK(view.rows[0].used == 100);
    }
    // A fifth takes the place of the one that was not asked for longest.
    net.now += milliseconds(1);
    CHECK_FALSE(look(net, a, {.rule = "fifth"}).complete);
    CHECK_FALSE(look(net, a, queries[0]).complete);
    CHECK(look(net, a, queries[3]).complete);
  }
}

}  // namespace starling
