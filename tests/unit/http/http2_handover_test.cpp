#include "http/http2_handover.hpp"

#include <memory>
#include <string>
#include <vector>

#include "support.hpp"

using namespace starling;
using namespace starling::http;
using namespace starling::http::testing;
using namespace std::chrono_literals;

namespace {

/// Says hello on every stream it is given, and keeps what comes. Declared after the loop: streams close
/// before it ends.
struct FakeHttp2 final : Http2Handover {
  struct Taken {
    Handle<ClientStream> stream;
    std::string received;
    char buffer[1024];
  };
  std::vector<std::unique_ptr<Taken>> taken;

  void on_http2(Handle<ClientStream> stream, std::string_view received) override {
    Taken& one = *taken.emplace_back(new Taken{std::move(stream), std::string(received), {}});
    one.stream->stream.data = &one;
    const auto allocate = [](uv_handle_t* handle, std::size_t, uv_buf_t* buffer) {
      auto* self = static_cast<Taken*>(handle->data);
      *buffer = uv_buf_init(self->buffer, sizeof self->buffer);
    };
    const auto on_read = [](uv_stream_t* from, ssize_t count, const uv_buf_t* buffer) {
      auto* self = static_cast<Taken*>(from->data);
      if (self != nullptr && count > 0) self->received.append(buffer->base, static_cast<std::size_t>(count));
    };
    CHECK(uv_read_start(&one.stream->stream, allocate, on_read) == 0);
    char hello[] = "hello";
    const uv_buf_t bytes = uv_buf_init(hello, 5);
    CHECK(uv_try_write(&one.stream->stream, &bytes, 1) == 5);
  }
};

const std::string preface(http2_preface);

}  // namespace

TEST_SUITE("http.http2_handover") {
  TEST_CASE("the preface hands the stream over with all its bytes, wherever they are cut") {
    for (const bool over_unix : {false, true}) {
      CAPTURE(over_unix);
      Fixture fixture;
      FakeHttp2 http2;
      if (over_unix) fixture.use_unix();
      fixture.server->hand_http2_to(http2);
      const std::string input = preface + std::string("\0\0\0\4\0\0\0\0\0frames", 15);
      for (std::size_t cut = 0; cut < input.size(); ++cut) {
        CAPTURE(cut);
        const auto client = fixture.connect();
        fixture.send(*client, std::string_view(input).substr(0, cut));
        for (int turn = 0; turn < 3; ++turn) uv_run(fixture.loop.get(), UV_RUN_NOWAIT);
        CHECK(http2.taken.size() == cut + (cut >= preface.size() ? 1 : 0));
        fixture.send(*client, std::string_view(input).substr(cut));
        REQUIRE(fixture.wait(*client, [&] {
          return http2.taken.size() == cut + 1 && http2.taken.back()->received.size() == input.size();
        }));
        CHECK(http2.taken.back()->received == input);
        CHECK(fixture.wait(*client, [&] { return client->received() == "hello"; }));
        fixture.send(*client, "more");
        CHECK(fixture.wait(*client, [&] { return http2.taken.back()->received == input + "more"; }));
      }
      CHECK(fixture.open() == 0);
      CHECK(fixture.server->counters().connections_accepted == input.size());
      CHECK(fixture.server->counters().requests == 0);
      CHECK(fixture.server->status().errors_that_occurred().empty());
    }
  }

  TEST_CASE("byte by byte") {
    Fixture fixture;
    FakeHttp2 http2;
    fixture.server->hand_http2_to(http2);
    const auto client = fixture.connect();
    for (const char byte : preface) {
      CHECK(http2.taken.empty());
      fixture.send(*client, std::string_view(&byte, 1));
      for (int turn = 0; turn < 3; ++turn) uv_run(fixture.loop.get(), UV_RUN_NOWAIT);
    }
    REQUIRE(fixture.wait(*client, [&] { return http2.taken.size() == 1; }));
    CHECK(http2.taken[0]->received == preface);
  }

  TEST_CASE("what only begins like the preface is HTTP/1, or nothing") {
    Fixture fixture;
    FakeHttp2 http2;
    fixture.server->hand_http2_to(http2);
    struct Case {
      std::string input;
      int status;
    };
    for (const Case& near :
         {Case{"PRI * HTTP/2.0\r\n\r\nSM\r\n\rX", 505}, Case{"PRI * HTTP/2.0\r\nHost: x\r\n\r\n", 505},
          Case{"PRI * HTTP/1.1\r\nHost: x\r\n\r\n", 400}, Case{"\r\n" + preface, 505},
          Case{"PRI / HTTP/2.0\r\n\r\nSM\r\n\r\n", 505}}) {
      CAPTURE(near.input);
      const auto all = fixture.ask_once(near.input);
      REQUIRE(all.size() == 1);
      CHECK(all[0].status == near.status);
    }
    const auto client = fixture.connect();
    for (const std::string part : {"P", "RO", "PFIND /p HTTP/1.1\r\nHost: x\r\n\r\n"}) {
      fixture.send(*client, part);
      for (int turn = 0; turn < 3; ++turn) uv_run(fixture.loop.get(), UV_RUN_NOWAIT);
    }
    REQUIRE(fixture.wait(*client, [&] { return answers(client->received()).size() == 1; }));
    CHECK(answers(client->received())[0].body == "PROPFIND /p?");
    CHECK(http2.taken.empty());
  }

  TEST_CASE("after a request the preface is refused") {
    Fixture fixture;
    FakeHttp2 http2;
    fixture.server->hand_http2_to(http2);
    const auto all = fixture.ask_once(get("/1") + preface);
    REQUIRE(all.size() == 2);
    CHECK(all[1].status == 505);
    CHECK(http2.taken.empty());
  }

  TEST_CASE("a preface that never ends is told so and counted") {
    Fixture fixture({.header_timeout = 60ms, .linger_timeout = 30ms});
    FakeHttp2 http2;
    fixture.server->hand_http2_to(http2);
    const auto slow = fixture.connect();
    fixture.send(*slow, preface.substr(0, 20));
    CHECK(fixture.wait(*slow, [&] { return slow->ended(); }));
    REQUIRE(answers(slow->received()).size() == 1);
    CHECK(answers(slow->received())[0].status == 408);
    const auto torn = fixture.connect();
    fixture.send(*torn, preface.substr(0, 20));
    torn->end_output();
    CHECK(fixture.wait(*torn, [&] { return torn->ended(); }));
    CHECK(fixture.errors(ErrorReason::head_truncated) == 1);
    CHECK(http2.taken.empty());
  }

  TEST_CASE("what was handed over outlives a drain and the server") {
    Fixture fixture;
    FakeHttp2 http2;
    fixture.server->hand_http2_to(http2);
    const auto client = fixture.connect();
    fixture.send(*client, preface);
    REQUIRE(fixture.wait(*client, [&] { return http2.taken.size() == 1; }));
    fixture.server->drain();
    CHECK(fixture.server->drained());
    fixture.server.reset();
    fixture.send(*client, "later");
    CHECK(fixture.wait(*client, [&] { return http2.taken[0]->received == preface + "later"; }));
    CHECK(!client->ended());
  }
}
