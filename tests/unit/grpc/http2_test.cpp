// What breaks HTTP/2's rules, or only strains them: each has an outcome and a counter, and others are
// unharmed.
#include "support.hpp"

using namespace starling::grpc;
using namespace starling::grpc::testing;

namespace {

const std::string greeting = std::string(preface) + frame(NGHTTP2_SETTINGS, 0, 0, "");

std::string headers_frame(std::uint32_t id, std::uint8_t flags = NGHTTP2_FLAG_END_HEADERS) {
  return frame(NGHTTP2_HEADERS, flags, id, header_block(headers_for(echo_path)));
}

/// The error code of the last GOAWAY in what a raw client received, or -1.
int goaway_code(std::string_view bytes) {
  const std::vector<Frame> goaways = frames_of(bytes, NGHTTP2_GOAWAY);
  return goaways.empty() ? -1 : static_cast<int>(goaways.back().goaway().second);
}

}  // namespace

TEST_SUITE("grpc.http2") {
  TEST_CASE("HTTP/1 is told in its own words where to go") {
    Fixture fixture;
    const auto whole = fixture.connect_raw();
    fixture.send(*whole, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    whole->end_output();
    const std::string answer = fixture.read_to_end(*whole);
    CHECK(answer.starts_with("HTTP/1.1 505 "));
    const std::size_t body = answer.find("\r\n\r\n") + 4;
    CHECK(answer.find("Content-Length: " + std::to_string(answer.size() - body) + "\r\n") !=
          std::string::npos);
    CHECK(!whole->reset());
    CHECK(fixture.errors(ErrorReason::not_http2) == 1);
    // POST shares its first byte with HTTP/2's preface.
    const auto post = fixture.connect_raw();
    fixture.send(*post, "POST /json HTTP/1.1\r\n\r\n");
    post->end_output();
    CHECK(fixture.read_to_end(*post).starts_with("HTTP/1.1 505 "));
    CHECK(fixture.is_well());
  }

  TEST_CASE("bytes that are no protocol close the connection without a word") {
    Fixture fixture;
    for (const std::string& garbage :
         {std::string("\x16\x03\x01\x02\x00\x01", 6), std::string(1'000, '\xff'), std::string("\0", 1),
          std::string("PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n")}) {
      const auto socket = fixture.connect_raw();
      fixture.send(*socket, garbage);
      socket->end_output();
      CHECK(fixture.read_to_end(*socket).starts_with("HTTP/1.1 505") == garbage.starts_with("PRI"));
    }
    CHECK(fixture.errors(ErrorReason::not_http2) == 4);
    CHECK(pump(fixture.loop, [&] { return fixture.open() == 0; }));
    CHECK(fixture.is_well());
  }

  TEST_CASE("a preface that comes byte by byte is one") {
    Fixture fixture;
    const auto socket = fixture.connect_raw();
    const std::string all = greeting + headers_frame(1) + frame(NGHTTP2_DATA, 1, 1, message_of("x"));
    for (const char c : all) {
      fixture.send(*socket, {&c, 1});
      uv_run(fixture.loop.get(), UV_RUN_NOWAIT);
    }
    CHECK(pump(fixture.loop, [&] { return fixture.asked.size() == 1; }));
  }

  TEST_CASE("frames that break the rules end the connection with GOAWAY and its code") {
    Fixture fixture;
    const auto code_for = [&](const std::string& bytes) {
      const auto socket = fixture.connect_raw();
      fixture.send(*socket, greeting + bytes);
      socket->end_output();
      return goaway_code(fixture.read_to_end(*socket));
    };
    CHECK(code_for(frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 0, "")) == NGHTTP2_PROTOCOL_ERROR);
    CHECK(code_for(frame(NGHTTP2_DATA, 0, 0, "x")) == NGHTTP2_PROTOCOL_ERROR);
    CHECK(code_for(frame(NGHTTP2_DATA, 0, 1, "x")) == NGHTTP2_PROTOCOL_ERROR);
    CHECK(code_for(frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 2, "\x82")) == NGHTTP2_PROTOCOL_ERROR);
    CHECK(code_for(frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 1, "\xff\xff\xff\xff\xff\xff")) ==
          NGHTTP2_COMPRESSION_ERROR);
    CHECK(code_for(frame(NGHTTP2_PING, 0, 0, "short")) == NGHTTP2_FRAME_SIZE_ERROR);
    CHECK(code_for(frame(NGHTTP2_SETTINGS, 0, 0, "short")) == NGHTTP2_FRAME_SIZE_ERROR);
    CHECK(code_for(frame(NGHTTP2_WINDOW_UPDATE, 0, 0, std::string(4, '\0'))) == NGHTTP2_PROTOCOL_ERROR);
    CHECK(code_for(frame(NGHTTP2_CONTINUATION, 0, 1, "")) == NGHTTP2_PROTOCOL_ERROR);
    CHECK(code_for(frame(NGHTTP2_DATA, 0, 1, std::string(17'000, 'x'))) == NGHTTP2_FRAME_SIZE_ERROR);
    CHECK(fixture.errors(ErrorReason::protocol_violated) == 10);
    CHECK(fixture.is_well());
    CHECK(pump(fixture.loop, [&] { return fixture.open() == 0; }));
  }

  TEST_CASE("no SETTINGS after the preface is no HTTP/2") {
    Fixture fixture;
    const auto socket = fixture.connect_raw();
    fixture.send(*socket, std::string(preface) + headers_frame(1));
    socket->end_output();
    fixture.read_to_end(*socket);
    CHECK(fixture.asked.empty());
    CHECK(fixture.errors(ErrorReason::protocol_violated) + fixture.errors(ErrorReason::not_http2) == 1);
  }

  TEST_CASE("frames of unknown types and empty DATA frames are harmless") {
    Fixture fixture;
    const auto socket = fixture.connect_raw();
    std::string bytes = greeting + frame(0x77, 0xff, 0, "unknown") + headers_frame(1);
    for (int i = 0; i < 5'000; ++i) bytes += frame(NGHTTP2_DATA, 0, 1, "");
    bytes += frame(NGHTTP2_DATA, 0, 1, message_of("x")) + frame(NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, 1, "");
    fixture.send(*socket, bytes);
    CHECK(pump(fixture.loop, [&] { return fixture.asked.size() == 1; }));
  }

  TEST_CASE("an empty header block is a malformed request, not the end of the connection") {
    Fixture fixture;
    const auto socket = fixture.connect_raw();
    fixture.send(*socket, greeting + frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 1, "") +
                              headers_frame(3) +
                              frame(NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, 3, message_of("x")));
    CHECK(pump(fixture.loop, [&] { return fixture.asked.size() == 1; }));
    CHECK(fixture.errors(ErrorReason::stream_malformed) == 1);
    CHECK(fixture.server->counters().calls_open == 0);
  }

  TEST_CASE("header blocks that never end are cut off") {
    Fixture fixture;
    const auto socket = fixture.connect_raw();
    std::string bytes = greeting + headers_frame(1, 0);
    for (int i = 0; i < 200; ++i) bytes += frame(NGHTTP2_CONTINUATION, 0, 1, std::string("\0\1a\1b", 5));
    fixture.send(*socket, bytes);
    CHECK(pump(fixture.loop, [&] { return fixture.errors(ErrorReason::protocol_violated) == 1; }));
    CHECK(fixture.is_well());
  }

  TEST_CASE("a small block that unfolds to megabytes is refused and costs no memory") {
    Fixture fixture;
    const auto socket = fixture.connect_raw();
    // One entry of 4,000 bytes in the dynamic table, then named by one byte 10,000 times: 40 MB.
    std::string block = header_block(headers_for(echo_path));
    block += std::string("\x40\1x\x7f\xa1\x1e", 6) + std::string(4'000, 'x') + std::string(10'000, '\xbe');
    fixture.send(*socket, greeting + frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 1, block));
    CHECK(pump(fixture.loop, [&] {
      return fixture.errors(ErrorReason::headers_too_large) + fixture.errors(ErrorReason::stream_malformed) +
                 fixture.errors(ErrorReason::protocol_violated) ==
             1;
    }));
    CHECK(fixture.server->counters().buffered_bytes == 0);
    CHECK(fixture.is_well());
  }

  TEST_CASE("a client that resets ten thousand calls keeps its connection") {
    Fixture fixture;
    const auto client = fixture.connect();
    for (std::uint64_t round = 1; round <= 100; ++round) {
      std::vector<std::int32_t> ids;
      for (int i = 0; i < 100; ++i)
        ids.push_back(client->ask(headers_for(echo_path), message_of("x"), false));
      client->exchange();
      for (const std::int32_t id : ids) client->reset(id);
      CHECK(fixture.wait(*client, [&] { return fixture.errors(ErrorReason::call_reset) == round * 100; }));
    }
    CHECK(fixture.server->counters().calls_open == 0);
    CHECK(fixture.ask(*client, echo_path, "still here").status() == "0");
    CHECK(client->goaways().empty());
  }

  TEST_CASE("more resets than any client makes end the connection") {
    Fixture fixture({.resets_burst_max = 50, .resets_per_s_max = 1});
    const auto client = fixture.connect();
    for (int i = 0; i < 200; ++i) {
      const auto id = client->ask(headers_for(echo_path), message_of("x"), false);
      client->exchange();
      client->reset(id);
      client->exchange();
    }
    CHECK(fixture.wait(*client, [&] { return !client->goaways().empty() || client->socket.is_over(); }));
    CHECK(fixture.errors(ErrorReason::protocol_violated) == 1);
  }

  TEST_CASE("a reset in the middle of a message frees what was kept of it") {
    Fixture fixture;
    const auto client = fixture.connect();
    const auto id =
        client->ask(headers_for(echo_path), message_of(std::string(50'000, 'x')).substr(0, 40'000), false);
    CHECK(fixture.wait(*client, [&] { return fixture.server->counters().buffered_bytes == 40'000 - 5; }));
    client->reset(id);
    CHECK(fixture.wait(*client, [&] { return fixture.server->counters().buffered_bytes == 0; }));
  }

  TEST_CASE("PINGs are answered; a flood of them that is never read ends") {
    Fixture fixture;
    const auto client = fixture.connect();
    client->ping();
    CHECK(fixture.wait(*client, [&] { return client->pings_count == 1; }));
    const auto socket = fixture.connect_raw();
    std::string flood = greeting;
    for (int i = 0; i < 100'000; ++i) flood += frame(NGHTTP2_PING, 0, 0, "12345678");
    for (int i = 0; i < 20 && !socket->reset(); ++i) {
      std::string_view rest = flood;
      rest.remove_prefix(socket->send_some(rest.substr(0, rest.size())));
      for (int turn = 0; turn < 50; ++turn) uv_run(fixture.loop.get(), UV_RUN_NOWAIT);
    }
    CHECK(fixture.is_well());
  }

  TEST_CASE("SETTINGS that never end are cut off") {
    Fixture fixture;
    const auto socket = fixture.connect_raw();
    std::string entries;
    for (int i = 0; i < 2'000; ++i) entries += std::string("\0\x4\0\0\xff\xff", 6);
    fixture.send(*socket, greeting + frame(NGHTTP2_SETTINGS, 0, 0, entries));
    socket->end_output();
    fixture.read_to_end(*socket);
    CHECK(fixture.errors(ErrorReason::protocol_violated) == 1);
    CHECK(fixture.is_well());
  }
}
