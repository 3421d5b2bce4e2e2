#include "limiter/name_book.hpp"

#include <doctest/doctest.h>

#include <string>

namespace starling {
namespace {

CounterName named(std::string_view principal) {
  return CounterName{.rule = "r", .principal = principal, .window_s = 10, .limit = 5};
}

void put(NameBook& book, std::uint64_t key) {
  book.put(CounterKey{key}, named("u=" + std::to_string(key)));
}

bool has(const NameBook& book, std::uint64_t key) {
  const auto name = book.peek(CounterKey{key});
  if (name) CHECK(name->principal == "u=" + std::to_string(key));
  return name.has_value();
}

}  // namespace

TEST_SUITE("limiter.name_book") {
  TEST_CASE("a name comes back as it was noted, and what was not noted is not known") {
    NameBook book(4);
    CHECK_FALSE(book.find(CounterKey{1}));
    CHECK_FALSE(book.touch(CounterKey{1}, 7));
    book.put(CounterKey{1}, CounterName{.rule = "login", .principal = "", .window_s = 60, .limit = 9});
    const auto name = book.find(CounterKey{1});
    REQUIRE(name);
    CHECK(name->rule == "login");
    CHECK(name->principal == "");
    CHECK(name->window_s == 60);
    CHECK(name->limit == 9);
  }

  TEST_CASE("a caller that comes back tells the limit it is held to now") {
    NameBook book(4);
    put(book, 1);
    CHECK(book.touch(CounterKey{1}, 77));
    CHECK(book.peek(CounterKey{1})->limit == 77);
    CHECK(book.peek(CounterKey{1})->principal == "u=1");
  }

  TEST_CASE("a second name for a key takes the place of the first") {
    NameBook book(4);
    put(book, 1);
    book.put(CounterKey{1}, named("u=other"));
    CHECK(book.size() == 1);
    CHECK(book.peek(CounterKey{1})->principal == "u=other");
  }

  TEST_CASE("a full book keeps its bound and forgets the coldest") {
    NameBook book(4);
    for (std::uint64_t key = 1; key <= 4; ++key) put(book, key);
    CHECK(book.touch(CounterKey{1}, 5));
    CHECK(book.find(CounterKey{3}));
    put(book, 5);
    put(book, 6);
    CHECK(book.size() == 4);
    CHECK(has(book, 1));
    CHECK_FALSE(has(book, 2));
    CHECK(has(book, 3));
    CHECK_FALSE(has(book, 4));
    CHECK(has(book, 5));
    CHECK(has(book, 6));
  }

  TEST_CASE("to peek keeps nobody") {
    NameBook book(2);
    put(book, 1);
    put(book, 2);
    CHECK(book.peek(CounterKey{1}));
    put(book, 3);
    CHECK_FALSE(has(book, 1));
  }

  TEST_CASE("callers that come in every window outlive a flood of callers that come once") {
    constexpr std::uint64_t regulars = 100;
    NameBook book(1000);
    std::uint64_t stranger = 1'000'000;
    for (int window = 0; window < 50; ++window) {
      for (std::uint64_t key = 0; key < regulars; ++key)
        if (!book.touch(CounterKey{key}, 5)) put(book, key);
      for (int i = 0; i < 800; ++i) put(book, ++stranger);
    }
    CHECK(book.size() == 1000);
    for (std::uint64_t key = 0; key < regulars; ++key) CHECK(has(book, key));
  }

  TEST_CASE("when all are warm one goes nevertheless") {
    NameBook book(3);
    for (std::uint64_t key = 1; key <= 3; ++key) {
      put(book, key);
      book.touch(CounterKey{key}, 5);
    }
    put(book, 4);
    CHECK(book.size() == 3);
    CHECK(has(book, 4));
    CHECK_FALSE(has(book, 1));
  }

  TEST_CASE("texts are cut to their bounds") {
    NameBook book(1);
    book.put(CounterKey{1},
             CounterName{.rule = std::string(1000, 'r'), .principal = std::string(1000, 'p'), .window_s = 1});
    CHECK(book.peek(CounterKey{1})->rule == std::string(rule_text_bytes_max, 'r'));
    CHECK(book.peek(CounterKey{1})->principal == std::string(principal_text_bytes_max, 'p'));
  }
}

}  // namespace starling
