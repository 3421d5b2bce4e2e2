// What clients can make the server keep: little each, and never what others need.
#include <string>

#include "support.hpp"

using namespace starling::grpc;
using namespace starling::grpc::testing;

namespace {

constexpr std::chrono::milliseconds soon{50};

}  // namespace

TEST_SUITE("grpc.memory") {
  TEST_CASE("those who take all buffers leave the others a share") {
    Fixture fixture({.buffered_bytes_max = 20'000});
    const auto greedy = fixture.connect();
    greedy->ask(headers_for(echo_path), message_of(std::string(30'000, 'g')).substr(0, 20'005), false);
    CHECK(fixture.wait(*greedy, [&] { return fixture.server->counters().buffered_bytes == 20'000; }));
    CHECK(fixture.is_well());
    const auto other = fixture.connect();
    CHECK(fixture.ask(*other, echo_path, std::string(4'096, 'm')).status() == "0");
    CHECK(fixture.ask(*other, echo_path, std::string(4'097, 'm')).status() == "8");
    CHECK(fixture.errors(ErrorReason::buffers_full) == 1);
  }

  TEST_CASE("what a call was asked is not kept until its answer has left") {
    Fixture fixture;
    const auto client = fixture.connect({{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0}});
    client->ask("/test.Echo/Stream", std::string(60'000, 's'));
    client->ask("/test.Echo/Big", std::string(50'000, ' ') + "7");
    CHECK(fixture.wait(*client, [&] { return fixture.server->counters().requests == 2; }));
    // The answers: "hello" and seven bytes, each with its prefix.
    CHECK(fixture.server->counters().buffered_bytes == 22);
  }

  TEST_CASE("a client that does not finish its headers is closed, however it dribbles") {
    Fixture fixture({.call_timeout = soon, .keepalive_timeout = soon});
    const std::string block = header_block(headers_for(echo_path)) + std::string("\0\x7f\x80\x7f", 4);
    const auto unfinished = [&](std::string_view before) {
      const auto socket = fixture.connect_raw();
      fixture.send(*socket, std::string(preface) + frame(NGHTTP2_SETTINGS, 0, 0, "") + std::string(before) +
                                frame(NGHTTP2_HEADERS, 0, 3, block + std::string(10'000, 'n')));
      fixture.send(*socket, frame(NGHTTP2_CONTINUATION, 0, 3, std::string(16'000, 'n')).substr(0, 100));
      CHECK(pump(fixture.loop, [&] {
        socket->send_some("n");
        socket->receive_some();
        return socket->is_over();
      }));
    };
    unfinished("");
    CHECK(fixture.errors(ErrorReason::keepalive_timeout) == 1);
    // The same in trailers of a call that was answered long ago.
    unfinished(frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 3, header_block(headers_for("/unknown"))));
    CHECK(fixture.errors(ErrorReason::keepalive_timeout) == 2);
    CHECK(fixture.is_well());
  }

  TEST_CASE("headers that unfold to far more than a list may have end the connection") {
    Fixture fixture;
    // An entry for HPACK's memory, and references to it: 65,536 bytes are some 61 of them.
    const std::string value = std::string("\x7f\x81\x07", 3) + std::string(1'024, 'v');
    const std::string remember = std::string("\x40\x01", 2) + "a" + value;
    const auto is_closed = [&](std::size_t references_count, bool in_trailers) {
      const auto socket = fixture.connect_raw();
      const std::string block = header_block(headers_for(echo_path)) + remember;
      const std::string references(references_count, '\xbe');
      std::string bytes = std::string(preface) + frame(NGHTTP2_SETTINGS, 0, 0, "");
      if (in_trailers)
        bytes += frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 1, block) +
                 frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM, 1, references);
      else
        bytes +=
            frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM, 1, block + references);
      fixture.send(*socket, bytes + frame(NGHTTP2_PING, 0, 0, "12345678"));
      std::string received;
      CHECK(pump(fixture.loop, [&] {
        received += socket->receive_some();
        return socket->is_over() || !frames_of(received, NGHTTP2_PING).empty();
      }));
      return socket->is_over();
    };
    CHECK(!is_closed(50, false));
    CHECK(!is_closed(50, true));
    CHECK(fixture.errors(ErrorReason::protocol_violated) == 0);
    CHECK(is_closed(70, false));
    CHECK(is_closed(70, true));
    CHECK(fixture.errors(ErrorReason::protocol_violated) == 2);
    CHECK(fixture.is_well());
  }
}
