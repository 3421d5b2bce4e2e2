/// Requests as any protobuf writer may send them, and answers byte by byte.
#include "grpc/rls_codec.hpp"

#include <doctest/doctest.h>
#include <array>
#include <random>
#include <string>

#include "recorded_messages.hpp"
#include "wire_bytes.hpp"

using namespace starling;
using namespace starling::testing;

namespace {

/// What was read of a message, in one line; or the error.
std::string read(std::string_view message) {
  RlsRequest request;
  if (const auto decoded = grpc::decode(message, request); !decoded) return "error: " + decoded.error();
  const auto asked = request.read();
  if (!asked) return "error: " + asked.error();
  std::string out = std::string(asked->domain) + " hits=" + std::to_string(asked->hits);
  for (const Descriptor& descriptor : asked->descriptors) {
    out += " [";
    for (const Entry& entry : descriptor.entries)
      out += std::string(entry.key) + "=" + std::string(entry.value) + ";";
    if (descriptor.limit)
      out +=
          " " + std::to_string(descriptor.limit->requests) + "/" + std::to_string(descriptor.limit->window_s);
    if (descriptor.hits) out += " hits=" + std::to_string(*descriptor.hits);
    out += "]";
  }
  return out;
}

std::string from_hex(std::string_view hex) {
  std::string out;
  for (std::size_t i = 0; i < hex.size(); i += 2)
    out += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  return out;
}

bool starts(const std::string& text, std::string_view start) {
  return text.starts_with(start);
}

std::string write(const Decision& decision, std::size_t descriptors_count, HeaderFamilies families = {}) {
  RlsAnswer answer(families);
  answer.assign(decision, descriptors_count, {});
  std::string out = "kept";
  grpc::encode(answer, out);
  REQUIRE(starts(out, "kept"));
  return out.substr(4);
}

TEST_SUITE("grpc.rls_codec") {
  TEST_CASE("a request with everything that it can have") {
    const std::string descriptor = entry("principal", "alice") + entry("path", "") +
                                   bytes(2, number(1, 25) + number(2, 2)) + bytes(3, number(1, 7));
    CHECK(read(bytes(1, "edge") + bytes(2, descriptor) + bytes(2, entry("a", "b")) + number(3, 3)) ==
          "edge hits=3 [principal=alice;path=; 25/60 hits=7] [a=b;]");
  }

  TEST_CASE("fields in any order, and fields that nobody knows in every place") {
    const std::string strange =
        number(90, 1) + bytes(91, "x") + fixed32(92) + fixed64(93) + number(536'870'911, ~0ULL);
    const std::string odd_entry = bytes(1, strange + bytes(2, "alice") + bytes(1, "principal") + strange);
    CHECK(read(number(3, 2) + strange +
               bytes(2, strange + bytes(3, strange) + odd_entry + bytes(2, number(2, 1) + strange)) +
               bytes(1, "test")) == "test hits=2 [principal=alice; 0/1 hits=0]");
  }

  TEST_CASE("of a field that comes again the last counts, and messages are merged") {
    const std::string limit = bytes(2, number(1, 5)) + bytes(2, number(2, 3) + number(2, 2));
    const std::string hits = bytes(3, number(1, 4)) + bytes(3, "");
    const std::string twice = bytes(1, bytes(1, "x") + bytes(1, "k") + bytes(2, "y") + bytes(2, "v"));
    CHECK(read(bytes(1, "other") + number(3, 9) + bytes(2, twice + limit + hits) + bytes(1, "test") +
               number(3, 1)) == "test hits=1 [k=v; 5/60 hits=4]");
  }

  TEST_CASE("hits: 0 of the request means 1, 0 of a descriptor only looks, and nothing is given back") {
    CHECK(read(plain_request()) == "test hits=1 [principal=alice;]");
    CHECK(read(plain_request(number(3, 0))) == "test hits=1 [principal=alice;]");
    CHECK(read(plain_request(number(3, 0xFFFF'FFFF))) == "test hits=4294967295 [principal=alice;]");
    const auto with = [](std::string_view more) {
      return read(bytes(1, "test") + bytes(2, entry("k", "v") + std::string(more)));
    };
    CHECK(with(bytes(3, "")) == "test hits=1 [k=v; hits=0]");
    CHECK(with(bytes(3, number(1, 0))) == "test hits=1 [k=v; hits=0]");
    CHECK(with(bytes(3, number(1, ~0ULL))) == "test hits=1 [k=v; hits=18446744073709551615]");
    CHECK(with(bytes(3, number(1, 5)) + number(4, 1)) == "test hits=1 [k=v; hits=0]");
    CHECK(with(number(4, 1)) == "test hits=1 [k=v; hits=0]");
    CHECK(with(number(4, 0)) == "test hits=1 [k=v;]");
  }

  TEST_CASE("units of a brought limit become windows, and others are an error that names the place") {
    const auto with = [](std::uint64_t unit) {
      return read(plain_request(bytes(2, bytes(2, number(1, 4) + number(2, unit)))));
    };
    const std::array windows{1, 60, 3'600, 86'400, 2'592'000, 31'536'000, 604'800};
    for (std::size_t unit = 1; unit <= windows.size(); ++unit)
      CHECK(with(unit) == "test hits=1 [principal=alice;] [ 4/" + std::to_string(windows[unit - 1]) + "]");
    for (const std::uint64_t unit : {0ULL, 8ULL, ~0ULL})
      CHECK(starts(with(unit), "error: descriptors[1].limit.unit: expected SECOND (1), MINUTE (2)"));
    CHECK(starts(read(plain_request(bytes(2, bytes(2, "")))), "error: descriptors[1].limit.unit"));
  }

  TEST_CASE("what asks nothing is an error") {
    CHECK(read("") == "error: domain: expected the name of a domain, found none");
    CHECK(read(bytes(1, "") + bytes(2, entry("k", "v"))) ==
          "error: domain: expected the name of a domain, found none");
    CHECK(read(bytes(1, "test")) == "error: descriptors: expected at least one, found none");
  }

  TEST_CASE("descriptors and entries have a bound, which is named") {
    std::string descriptors;
    for (int i = 0; i < 64; ++i) descriptors += bytes(2, entry("k", "v"));
    CHECK(starts(read(bytes(1, "test") + descriptors), "test hits=1 [k=v;] [k=v;]"));
    const std::string crowd = bytes(2, entry("k", "v") + bytes(2, number(2, 9)) + bytes(3, ""));
    CHECK(read(bytes(1, "test") + descriptors + crowd) ==
          "error: descriptors: expected at most 64, found more");
    std::string entries;
    for (int i = 0; i < 32; ++i) entries += entry("k", "v");
    CHECK(starts(read(bytes(1, "test") + bytes(2, entries)), "test hits=1 [k=v;k=v;"));
    CHECK(read(plain_request(bytes(2, entries + entry("k", "v")))) ==
          "error: descriptors[1].entries: expected at most 32, found more");
    // 32,000 empty entries fit into a message; what is beyond the bound is not kept.
    std::string many;
    for (int i = 0; i < 32'000; ++i) many += bytes(1, "");
    CHECK(read(bytes(1, "test") + bytes(2, many)) ==
          "error: descriptors[0].entries: expected at most 32, found more");
  }

  TEST_CASE("bytes that are no UTF-8 are a key like any other: they must not buy freedom from limits") {
    CHECK(read(bytes(1, "d\xFF") + bytes(2, entry("k\xC3", std::string_view("\0\x80", 2)))) ==
          std::string("d\xFF hits=1 [k\xC3=\0\x80;]", 18));
  }

  TEST_CASE("a known field of another wire type is an error that names it") {
    const std::string good = plain_request();
    const auto error = [](std::string_view text) { return "error: " + std::string(text); };
    CHECK(read(good + number(1, 1)) == error("domain: expected a length and its bytes, found wire type 0"));
    CHECK(read(good + fixed32(2)) ==
          error("descriptors: expected a length and its bytes, found wire type 5"));
    CHECK(read(good + bytes(3, "x")) == error("hits_addend: expected a varint, found wire type 2"));
    CHECK(read(good + bytes(2, number(1, 1))) ==
          error("descriptors.entries: expected a length and its bytes, found wire type 0"));
    CHECK(read(good + bytes(2, number(2, 1))) ==
          error("descriptors.limit: expected a length and its bytes, found wire type 0"));
    CHECK(read(good + bytes(2, number(3, 1))) ==
          error("descriptors.hits_addend: expected a length and its bytes, found wire type 0"));
    CHECK(read(good + bytes(2, fixed64(4))) ==
          error("descriptors.is_negative_hits: expected a varint, found wire type 1"));
    CHECK(read(good + bytes(2, bytes(1, number(1, 1)))) ==
          error("entries.key: expected a length and its bytes, found wire type 0"));
    CHECK(read(good + bytes(2, bytes(1, number(2, 1)))) ==
          error("entries.value: expected a length and its bytes, found wire type 0"));
    CHECK(read(good + bytes(2, bytes(2, bytes(1, "")))) ==
          error("limit.requests_per_unit: expected a varint, found wire type 2"));
    CHECK(read(good + bytes(2, bytes(2, fixed32(2)))) ==
          error("limit.unit: expected a varint, found wire type 5"));
    CHECK(read(good + bytes(2, bytes(3, fixed64(1)))) ==
          error("hits_addend.value: expected a varint, found wire type 1"));
  }

  TEST_CASE("a message cut anywhere is read as far as its fields are whole, or is an error") {
    const std::string whole =
        plain_request(bytes(2, bytes(2, number(1, 300) + number(2, 2)) + bytes(3, number(1, 300)))) +
        number(3, 70'000);
    std::size_t errors = 0;
    for (std::size_t size = 0; size < whole.size(); ++size) {
      const std::string text = read(std::string_view(whole).substr(0, size));
      CAPTURE(size);
      CHECK(text != read(whole));
      if (starts(text, "error: ")) ++errors;
    }
    CHECK(errors > whole.size() - 4);  // between two fields a cut cannot be seen
    for (const std::string_view bad : {"\x0a", "\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "\x0b",
                                       "\x0c", "\x0e", "\x0f", "\x80", "\x02", "\x0a\x7fx"})
      CHECK(starts(read(plain_request(bad)), "error: expected a RateLimitRequest, found no whole message"));
    CHECK(starts(read(plain_request(std::string(1, '\0'))), "error: expected a RateLimitRequest"));
  }

  TEST_CASE("noise is an error or a request, never more") {
    std::mt19937 random(1);
    const std::string whole = plain_request(bytes(2, bytes(2, number(1, 300) + number(2, 2))) + number(3, 4));
    std::size_t errors = 0;
    for (int round = 0; round < 20'000; ++round) {
      std::string bent = whole;
      for (int i = 0; i < 3; ++i) bent[random() % bent.size()] = static_cast<char>(random());
      if (starts(read(bent), "error: ")) ++errors;
    }
    CHECK(errors > 5'000);
    CHECK(errors < 20'000);
  }

  TEST_CASE("an answer, byte by byte") {
    const std::array limits{
        LimitStatus{.rule = "per user",
                    .descriptors = 1,
                    .limit = 300,
                    .window_s = 60,
                    .remaining = 150,
                    .reset_ms = 1'001},
        LimitStatus{.rule = "none", .descriptors = 4, .unlimited = true},
        LimitStatus{.rule = "odd",
                    .descriptors = 8,
                    .limit = 0,
                    .window_s = 7,
                    .remaining = 0,
                    .reset_ms = 7'000,
                    .allowed = false,
                    .denial = Denial::limit},
    };
    const Decision denied{.allowed = false, .limits = limits, .tightest = &limits[2]};
    const std::string first = number(1, 1) + bytes(2, number(1, 300) + number(2, 2) + bytes(3, "per user")) +
                              number(3, 150) + bytes(4, number(1, 2));
    const std::string nothing = number(1, 1);
    const std::string unlimited = number(1, 1) + number(3, 0xFFFF'FFFF);
    const std::string last = number(1, 2) + bytes(2, number(1, 0) + bytes(3, "odd")) + bytes(4, number(1, 7));
    const std::string statuses = bytes(2, first) + bytes(2, nothing) + bytes(2, unlimited) + bytes(2, last);
    const std::string retry = bytes(3, bytes(1, "retry-after") + bytes(2, "7"));
    CHECK(write(denied, 4) == number(1, 2) + statuses + retry);
    const std::string x = bytes(3, bytes(1, "x-ratelimit-limit") + bytes(2, "0")) +
                          bytes(3, bytes(1, "x-ratelimit-remaining") + bytes(2, "0")) +
                          bytes(3, bytes(1, "x-ratelimit-reset") + bytes(2, "7"));
    CHECK(write(denied, 4, HeaderFamilies().with(HeaderFamily::x_ratelimit)) ==
          number(1, 2) + statuses + x + retry);
  }

  TEST_CASE("what Google's protobuf has written is read, and what we write it writes as well") {
    CHECK(read(from_hex(recorded_full_request)) ==
          "edge hits=70000 [principal=\xC3\xA4lice;path=; 4294967295/31536000 hits=300] [generic_key=" +
              std::string(200, 'x') + ";] [ hits=0]");
    CHECK(read(from_hex(recorded_peek_request)) == "edge hits=1 [k=v; hits=0]");
    const std::array limits{LimitStatus{.rule = "free", .descriptors = 1, .unlimited = true},
                            LimitStatus{.rule = "per user",
                                        .descriptors = 2,
                                        .limit = 1'000,
                                        .window_s = 604'800,
                                        .remaining = 3,
                                        .reset_ms = 604'799'001,
                                        .allowed = false,
                                        .denial = Denial::limit}};
    const Decision denied{.allowed = false, .limits = limits, .tightest = &limits[1]};
    CHECK(write(denied, 2) == from_hex(recorded_denied_response));
  }

  TEST_CASE("the overall code is there whatever else is not") {
    CHECK(write({}, 0) == number(1, 1));
    CHECK(write({.allowed = true}, 1) == number(1, 1) + bytes(2, number(1, 1)));
    CHECK(write({.allowed = true, .learned = true}, 1) ==
          number(1, 1) + bytes(2, number(1, 1)) + bytes(3, bytes(1, "starling-learning") + bytes(2, "true")));
  }
}

}  // namespace
