// Bounds, times, and the ways in which a connection ends.
#include "grpc/server.hpp"

#include "accept_queue.hpp"
#include "support.hpp"

using namespace starling::grpc;
using namespace starling::grpc::testing;
using starling::testing::newcomer_waits;
using std::chrono::milliseconds;

namespace {

/// Nothing that a test waits for takes longer; what it does not wait for takes far longer than it.
constexpr milliseconds soon{20};

/// Times that are compared by the millisecond differ before and after.
void pass_a_millisecond(starling::Loop& loop) {
  const std::uint64_t before_ms = uv_now(loop.get());
  CHECK(pump(loop, [&] { return uv_now(loop.get()) > before_ms; }));
}

/// Sends the frames that its test says, and keeps what it gets.
struct FrameClient {
  explicit FrameClient(Fixture& fixture_) : fixture(fixture_) {}

  void greet_and_send(const std::string& frames) {
    send(std::string(preface) + frame(NGHTTP2_SETTINGS, 0, 0, "") + frames);
  }
  void send(const std::string& frames) { fixture.send(*socket, frames); }
  bool wait(const std::function<bool()>& done) {
    return pump(fixture.loop, [&] {
      received += socket->receive_some();
      return done();
    });
  }
  auto got(std::uint8_t type) const { return frames_of(received, type); }

  Fixture& fixture;
  std::unique_ptr<Socket> socket = fixture.connect_raw();
  std::string received;
};

std::string begun(std::uint32_t id) {
  return frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, id, header_block(headers_for(echo_path)));
}
std::string ended(std::uint32_t id, std::string_view bytes) {
  return frame(NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, id, message_of(bytes));
}
std::string ping_answer() {
  return frame(NGHTTP2_PING, NGHTTP2_FLAG_ACK, 0, "starling");
}

}  // namespace

TEST_SUITE("grpc.server") {
  TEST_CASE("a drain sends two GOAWAYs, and serves what was asked in between") {
    Fixture fixture({.goaway_notice_timeout = milliseconds(60'000)});
    FrameClient client(fixture);
    const auto goaways = [&] { return client.got(NGHTTP2_GOAWAY); };
    client.greet_and_send(begun(1));
    CHECK(client.wait([&] { return fixture.server->counters().calls_open == 1; }));
    fixture.server->drain();
    CHECK(client.wait([&] { return goaways().size() == 1 && client.got(NGHTTP2_PING).size() == 1; }));
    CHECK(goaways().at(0).goaway() == std::pair<std::uint32_t, std::uint32_t>{0x7fffffff, NGHTTP2_NO_ERROR});
    client.send(begun(3) + ended(3, "between"));
    CHECK(client.wait([&] { return fixture.asked.size() == 1; }));
    client.send(ping_answer());
    CHECK(client.wait([&] { return goaways().size() == 2; }));
    CHECK(goaways().at(1).goaway() == std::pair<std::uint32_t, std::uint32_t>{3, NGHTTP2_NO_ERROR});
    CHECK(!fixture.server->drained());
    client.send(begun(5) + ended(5, "too late") + ended(1, "before"));
    CHECK(client.wait([&] { return client.socket->is_over(); }));
    CHECK(!client.socket->reset());
    CHECK(fixture.asked == std::vector<std::string>{"between", "before"});
    CHECK(client.got(NGHTTP2_DATA).back().payload == message_of("before"));
    client.socket->hang_up();
    CHECK(pump(fixture.loop, [&] { return fixture.server->drained(); }));
  }

  TEST_CASE("a call that comes with the answer to the PING is served once, and the second GOAWAY names it") {
    Fixture fixture({.goaway_notice_timeout = milliseconds(60'000)});
    FrameClient client(fixture);
    const auto goaways = [&] { return client.got(NGHTTP2_GOAWAY); };
    client.greet_and_send(begun(1) + ended(1, "before"));
    CHECK(client.wait([&] { return fixture.asked.size() == 1; }));
    fixture.server->drain();
    CHECK(client.wait([&] { return client.got(NGHTTP2_PING).size() == 1; }));
    client.send(ping_answer() + begun(3) + ended(3, "with it"));
    CHECK(client.wait([&] { return client.socket->is_over(); }));
    CHECK(fixture.asked == std::vector<std::string>{"before", "with it"});
    REQUIRE(goaways().size() == 2);
    CHECK(goaways().at(1).goaway() == std::pair<std::uint32_t, std::uint32_t>{3, NGHTTP2_NO_ERROR});
    CHECK(client.got(NGHTTP2_DATA).back().payload == message_of("with it"));
    CHECK(client.got(NGHTTP2_RST_STREAM).empty());
  }

  TEST_CASE("a client whose first bytes are on their way when a drain begins is served") {
    Fixture fixture({.goaway_notice_timeout = milliseconds(60'000)});
    FrameClient client(fixture);
    CHECK(pump(fixture.loop, [&] { return fixture.open() == 1; }));
    fixture.server->drain();
    client.greet_and_send(begun(1) + ended(1, "late"));
    CHECK(client.wait([&] { return client.got(NGHTTP2_DATA).size() == 1; }));
    client.send(ping_answer());
    CHECK(client.wait([&] { return client.socket->is_over(); }));
    CHECK(client.got(NGHTTP2_GOAWAY).size() == 2);
    client.socket->hang_up();
    CHECK(pump(fixture.loop, [&] { return fixture.server->drained(); }));
  }

  TEST_CASE("a client that does not answer the PING gets the second GOAWAY after a while") {
    Fixture fixture({.goaway_notice_timeout = soon, .linger_timeout = soon});
    const auto client = fixture.connect();
    CHECK(fixture.ask(*client, echo_path, "x").status() == "0");
    fixture.server->drain();
    CHECK(fixture.wait(*client, [&] { return client->goaways().size() == 2; }));
    // And one that does not close is closed.
    CHECK(fixture.wait(*client, [&] { return fixture.server->drained(); }));
  }

  TEST_CASE("while a drain lets new connections in, they are served, and then sent away") {
    Fixture fixture({.drain_accept_timeout = milliseconds(3'600'000)});
    const auto old = fixture.connect();
    CHECK(fixture.ask(*old, echo_path, "x").status() == "0");
    fixture.server->drain();
    const auto fresh = fixture.connect();
    CHECK(fixture.ask(*fresh, echo_path, "y").status() == "0");
    CHECK(fixture.ask(*fresh, echo_path, "z").status() == "0");
    CHECK(fresh->goaways().empty());
    CHECK(fixture.wait(*old, [&] { return old->goaways().size() == 1; }));
    CHECK(!fixture.server->drained());
  }

  TEST_CASE("who waits in the kernel when a drain begins, or stops to let others in, is served") {
    Fixture fixture({.drain_accept_timeout = soon});
    const auto ask_raw = [&] {
      auto socket = fixture.connect_raw();
      socket->send_some(
          std::string(preface) + frame(NGHTTP2_SETTINGS, 0, 0, "") +
          frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 1, header_block(headers_for(echo_path))) +
          frame(NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, 1, message_of("x")));
      return socket;
    };
    const auto early = ask_raw();
    CHECK(fixture.open() == 0);
    fixture.server->drain();
    CHECK(fixture.open() == 1);
    uv_sleep(2 * soon.count());  // the loop stands still for longer than the server waits
    const auto late = ask_raw();
    for (Socket* socket : {early.get(), late.get()}) {
      std::string received;
      CHECK(pump(fixture.loop, [&] {
        received += socket->receive_some();
        return frames_of(received, NGHTTP2_GOAWAY).size() == 1 &&
               frames_of(received, NGHTTP2_DATA).size() == 1;
      }));
      fixture.send(*socket, frame(NGHTTP2_PING, NGHTTP2_FLAG_ACK, 0, "starling"));
      CHECK(pump(fixture.loop, [&] {
        received += socket->receive_some();
        return frames_of(received, NGHTTP2_GOAWAY).size() == 2 && socket->is_over();
      }));
      CHECK(!socket->reset());
      socket->hang_up();
    }
    CHECK(pump(fixture.loop, [&] { return fixture.server->drained(); }));
    CHECK(!fixture.connect_raw()->connected());
  }

  TEST_CASE("after a drain nobody is let in, and nothing keeps the loop running") {
    Fixture fixture({.drain_accept_timeout = soon, .goaway_notice_timeout = soon});
    const auto silent = fixture.connect_raw();
    CHECK(pump(fixture.loop, [&] { return fixture.open() == 1; }));
    fixture.server->drain();
    fixture.server->drain();
    CHECK(pump(fixture.loop, [&] { return fixture.server->drained(); }));
    CHECK(!fixture.connect_raw()->connected());
    fixture.loop.run();
    CHECK(fixture.server->status().listeners.empty());
  }

  TEST_CASE("a call that hangs is given up some time after the second GOAWAY") {
    Fixture fixture({.drain_accept_timeout = soon, .goaway_notice_timeout = soon, .goaway_timeout = soon});
    const auto client = fixture.connect();
    client->ask(headers_for(echo_path), "", false);
    CHECK(fixture.wait(*client, [&] { return fixture.server->counters().calls_open == 1; }));
    fixture.server->drain();
    CHECK(fixture.wait(*client, [&] { return fixture.server->drained(); }));
    CHECK(fixture.errors(ErrorReason::goaway_timeout) == 1);
  }

  TEST_CASE("an old connection is sent away, and new ones are welcome") {
    Fixture fixture({.connection_age_max = soon});
    const auto client = fixture.connect();
    CHECK(fixture.wait(*client, [&] { return client->goaways().size() == 1; }));
    client->ack_ping();
    CHECK(fixture.wait(*client, [&] { return client->goaways().size() == 2 && client->socket.ended(); }));
    CHECK(client->goaways().at(1).second == NGHTTP2_NO_ERROR);
    CHECK(fixture.is_well());
  }

  TEST_CASE("streams end with the age of their connection") {
    Fixture fixture({.connection_age_max = soon, .goaway_notice_timeout = soon});
    const auto client = fixture.connect();
    const auto id = client->ask("/test.Echo/Stream", "");
    const Reply reply = fixture.reply_to(*client, id);
    CHECK(reply.status() == "14");
    CHECK(reply.body == message_of("hello"));
    CHECK(fixture.stream.sinks.empty());
  }

  TEST_CASE("a newcomer beyond the bound takes the place of whoever has been silent for longest") {
    Fixture fixture({.connections_max = 3});
    const auto silent = fixture.connect_raw();
    const auto half = fixture.connect_raw();
    fixture.send(*half, preface.substr(0, 20));
    const auto client = fixture.connect();
    CHECK(fixture.ask(*client, echo_path, "x").status() == "0");
    std::vector<std::unique_ptr<Client>> newcomers;
    for (int i = 0; i < 5; ++i) {
      newcomers.push_back(fixture.connect());
      CHECK(fixture.ask(*newcomers.back(), echo_path, "x").status() == "0");
      CHECK(fixture.ask(*client, echo_path, "x").status() == "0");  // it was heard after the others
      pass_a_millisecond(fixture.loop);
    }
    fixture.read_to_end(*silent);
    fixture.read_to_end(*half);
    CHECK(fixture.server->counters().connections_refused == 5);
  }

  TEST_CASE("first calls that are half said push out nobody who has asked before") {
    Fixture fixture({.connections_max = 3});
    const auto gateway = fixture.connect();
    CHECK(fixture.ask(*gateway, echo_path, "x").status() == "0");
    std::vector<std::unique_ptr<Client>> halves;
    for (std::uint64_t i = 0; i < 10; ++i) {
      halves.push_back(fixture.connect());
      halves.back()->ask(headers_for(echo_path), message_of("x").substr(0, 3), false);
      CHECK(fixture.wait(*halves.back(), [&] {
        return fixture.server->counters().connections_accepted == 2 + i &&
               fixture.server->counters().calls_open == std::min<std::uint64_t>(i + 1, 2);
      }));
    }
    CHECK(fixture.server->counters().connections_refused == 8);
    CHECK(fixture.ask(*gateway, echo_path, "x").status() == "0");
    CHECK(fixture.is_well());
  }

  TEST_CASE("calls that are half said keep a newcomer out for a while, those who watch for none") {
    Fixture fixture({.connections_max = 2, .slow_evictable_after = soon});
    const auto slow = fixture.connect();
    CHECK(fixture.ask(*slow, echo_path, "x").status() == "0");
    const auto watching = fixture.connect();
    const auto stream = watching->ask("/test.Echo/Stream", "");
    CHECK(fixture.wait(*watching, [&] { return watching->replies[stream].body == message_of("hello"); }));
    slow->ask(headers_for(echo_path), message_of("x").substr(0, 3), false);
    CHECK(fixture.wait(*slow, [&] { return fixture.server->counters().calls_open == 2; }));
    CHECK(pump(fixture.loop, [&] {
      const std::uint64_t accepted = fixture.server->counters().connections_accepted;
      const std::uint64_t refused = fixture.server->counters().connections_refused;
      const auto newcomer = fixture.connect_raw();
      pump(fixture.loop, [&] { return fixture.server->counters().connections_refused > refused; });
      return fixture.server->counters().connections_accepted > accepted;
    }));
    CHECK(fixture.is_well());
  }

  TEST_CASE("who has asked already is not closed for a newcomer") {
    Fixture fixture({.connections_max = 1});
    const auto client = fixture.connect();
    CHECK(fixture.ask(*client, echo_path, "x").status() == "0");
    client->exchange();  // what HTTP/2 itself has to say
    CHECK(client->socket.delivered());
    pass_a_millisecond(fixture.loop);
    uv_run(fixture.loop.get(), UV_RUN_NOWAIT);    // epoll lists first who was heard in the turn before
    const auto newcomer = fixture.connect_raw();  // seen before what the other says next
    CHECK(newcomer_waits(fixture.loop.get()));
    const auto id = client->ask(echo_path, "x");
    client->exchange();
    CHECK(client->socket.delivered());
    CHECK(fixture.reply_to(*client, id).status() == "0");
    CHECK(fixture.read_to_end(*newcomer).empty());
    CHECK(fixture.server->counters().connections_refused == 1);
  }

  TEST_CASE("a call beyond the bound of the server is refused, and may be asked again") {
    Fixture fixture({.calls_max = 2});
    const auto client = fixture.connect();
    const auto other = fixture.connect();
    for (int i = 0; i < 2; ++i) client->ask(headers_for(echo_path), "", false);
    CHECK(fixture.wait(*client, [&] { return fixture.server->counters().calls_open == 2; }));
    const Reply refused = fixture.ask(*other, echo_path, "x");
    CHECK(refused.error_code == NGHTTP2_REFUSED_STREAM);
    CHECK(fixture.errors(ErrorReason::calls_too_many) == 1);
    client->reset(1);
    CHECK(fixture.wait(*client, [&] { return fixture.server->counters().calls_open == 1; }));
    CHECK(fixture.ask(*other, echo_path, "x").status() == "0");
  }

  TEST_CASE("calls beyond the bound of the connection wait with the client, as its SETTINGS say") {
    Fixture fixture({.calls_per_connection_max = 5});
    const auto client = fixture.connect();
    CHECK(fixture.wait(*client, [&] { return client->has_settings; }));
    std::vector<std::int32_t> ids;
    for (int i = 0; i < 50; ++i) ids.push_back(client->ask(echo_path, std::to_string(i)));
    CHECK(fixture.wait(*client, [&] { return client->closed_count == 50; }));
    for (const std::int32_t id : ids) CHECK(client->replies[id].status() == "0");
  }

  TEST_CASE("bytes of messages under way are bounded, per connection and in all") {
    const auto fill = [](const ServerOptions& options, bool same_connection) {
      Fixture fixture(options);
      const auto client = fixture.connect();
      const auto other = fixture.connect();
      const std::string half = message_of(std::string(60'000, 'x')).substr(0, 30'005);
      client->ask(headers_for(echo_path), half, false);
      CHECK(fixture.wait(*client, [&] { return fixture.server->counters().buffered_bytes == 30'000; }));
      Client& second = same_connection ? *client : *other;
      const Reply reply = fixture.reply_to(second, second.ask(headers_for(echo_path), half, false));
      CHECK(reply.status() == "8");
      CHECK(fixture.errors(ErrorReason::buffers_full) == 1);
      CHECK(fixture.server->counters().buffered_bytes == 30'000);
      CHECK(fixture.ask(second, echo_path, "small").status() == "0");
    };
    fill({.buffered_bytes_per_connection_max = 50'000}, true);
    fill({.buffered_bytes_max = 50'000}, false);
  }

  TEST_CASE("a connection that does not speak in time is closed") {
    Fixture fixture({.preface_timeout = soon});
    const auto silent = fixture.connect_raw();
    const auto half = fixture.connect_raw();
    fixture.send(*half, preface.substr(0, 20));
    fixture.read_to_end(*silent);
    fixture.read_to_end(*half);
    CHECK(fixture.errors(ErrorReason::preface_timeout) == 2);
    CHECK(fixture.open() == 0);
  }

  TEST_CASE("a request that does not arrive in time is DEADLINE_EXCEEDED, its neighbours are unharmed") {
    Fixture fixture({.call_timeout = soon});
    const auto client = fixture.connect();
    const auto id = client->ask(headers_for(echo_path), message_of("x").substr(0, 3), false);
    const Reply reply = fixture.reply_to(*client, id);
    CHECK(reply.status() == "4");
    CHECK(reply.error_code == NGHTTP2_NO_ERROR);
    CHECK(fixture.errors(ErrorReason::call_timeout) == 1);
    CHECK(fixture.ask(*client, echo_path, "x").status() == "0");
  }

  TEST_CASE("an answer that the client does not take in time is cancelled") {
    Fixture fixture({.call_timeout = soon});
    const auto client = fixture.connect({{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0}});
    const Reply reply = fixture.ask(*client, echo_path, "x");
    CHECK(reply.error_code == NGHTTP2_CANCEL);
    CHECK(fixture.errors(ErrorReason::call_timeout) == 1);
    CHECK(fixture.server->counters().buffered_bytes == 0);
  }

  TEST_CASE("streams have no such limit") {
    Fixture fixture({.call_timeout = soon, .keepalive_interval = soon});
    const auto client = fixture.connect();
    const auto id = client->ask("/test.Echo/Stream", "");
    // Two sweeps and more have passed when keepalive has asked twice.
    for (int i = 1; i <= 2; ++i) {
      CHECK(fixture.wait(*client, [&] { return client->pings_count >= i; }));
      client->ack_ping();
    }
    CHECK(!client->replies[id].closed);
    CHECK(fixture.errors(ErrorReason::call_timeout) == 0);
  }

  TEST_CASE("a client that is silent is asked, and closed if it does not answer") {
    Fixture fixture({.keepalive_interval = soon, .keepalive_timeout = soon});
    const auto client = fixture.connect();
    client->reads = true;
    CHECK(fixture.wait(*client, [&] { return client->pings_count >= 1; }));
    CHECK(fixture.wait(*client, [&] { return client->socket.is_over(); }));
    CHECK(fixture.errors(ErrorReason::keepalive_timeout) == 1);
  }

  TEST_CASE("a client that reads nothing is not read either, and closed in the end") {
    Fixture fixture({.buffered_bytes_per_connection_max = 100'000'000,
                     .buffered_bytes_max = 100'000'000,
                     .output_bytes_max = 10'000,
                     .call_timeout = milliseconds(60'000),
                     .output_timeout = soon});
    Socket socket(fixture.server->local_endpoint(), 4'096);
    const std::string window("\x3f\xff\xff\xff", 4);
    fixture.send(socket, std::string(preface) +
                             frame(NGHTTP2_SETTINGS, 0, 0, std::string("\0\4", 2) + window) +
                             frame(NGHTTP2_WINDOW_UPDATE, 0, 0, window));
    const std::string block = header_block(headers_for("/test.Echo/Big"));
    // Far more than what kernels keep for a socket.
    std::string questions;
    for (std::uint32_t id = 1; id < 2'000; id += 2)
      questions += frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, id, block) +
                   frame(NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, id, message_of("60000"));
    std::uint64_t most_bytes = 0;
    CHECK(pump(fixture.loop, [&] {
      questions.erase(0, socket.send_some(questions));
      most_bytes = std::max(most_bytes, fixture.server->counters().buffered_bytes);
      return fixture.errors(ErrorReason::output_stalled) == 1;
    }));
    CHECK(fixture.open() == 0);
    CHECK(fixture.server->counters().calls_open == 0);
    // One read's answers more than the bound at most, of the 60 MB that were asked for.
    CHECK(most_bytes < 20'000'000);
    CHECK(fixture.is_well());
  }

  TEST_CASE("a client that hangs up loses nothing but its calls") {
    Fixture fixture;
    const auto client = fixture.connect();
    for (int i = 0; i < 100; ++i) client->ask(headers_for(echo_path), message_of("x").substr(0, 4), false);
    CHECK(fixture.wait(*client, [&] { return fixture.server->counters().calls_open == 100; }));
    client->socket.hang_up();
    CHECK(pump(fixture.loop, [&] { return fixture.open() == 0; }));
    CHECK(fixture.server->counters().calls_open == 0);
    CHECK(fixture.errors(ErrorReason::connection_cut) + fixture.errors(ErrorReason::connection_lost) == 1);
    CHECK(fixture.is_well());
  }

  TEST_CASE("a client that has sent everything and closed its side is answered") {
    Fixture fixture;
    const auto client = fixture.connect();
    const auto id = client->ask(echo_path, "x");
    client->exchange();
    client->socket.end_output();
    CHECK(fixture.reply_to(*client, id).status() == "0");
    CHECK(fixture.errors(ErrorReason::connection_cut) == 0);
  }

  TEST_CASE("one connection with much to ask does not starve another") {
    Fixture fixture({.read_bytes_per_turn_max = 512});
    const auto busy = fixture.connect();
    const auto modest = fixture.connect();
    CHECK(fixture.ask(*busy, echo_path, "x").status() == "0");
    CHECK(fixture.ask(*modest, echo_path, "x").status() == "0");
    for (int i = 0; i < 1'000; ++i) busy->ask(echo_path, "busy");
    busy->exchange();
    const auto id = modest->ask(echo_path, "modest");
    CHECK(fixture.wait(*modest, [&] { return modest->replies[id].closed; }));
    CHECK(fixture.asked.size() < 900);
    CHECK(fixture.wait(*busy, [&] { return busy->closed_count == 1'001; }));
  }

  TEST_CASE("a connection that was accepted elsewhere is served, with what was read of it") {
    Fixture fixture;
    Server adopting(fixture.loop);
    adopting.add(fixture.echo);
    struct Acceptor final : starling::StreamListener::Acceptor {
      void on_connection(starling::Handle<starling::ClientStream> stream) override {
        // As many bytes as the other protocol's parser needs to see what this is.
        server->adopt(std::move(stream), received);
      }
      void on_accept_failed(int) override {}
      Server* server = nullptr;
      std::string received;
    } acceptor;
    acceptor.server = &adopting;
    acceptor.received = std::string(preface) + frame(NGHTTP2_SETTINGS, 0, 0, "");
    starling::StreamListener listener(fixture.loop, acceptor);
    const auto at = listener.listen({.address = starling::Address::v4(127, 0, 0, 1), .port = 0}, 16);
    REQUIRE(at.has_value());
    Socket socket(*at);
    fixture.send(socket,
                 frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 1, header_block(headers_for(echo_path))) +
                     frame(NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, 1, message_of("x")));
    CHECK(pump(fixture.loop, [&] { return fixture.asked.size() == 1; }));
    CHECK(adopting.counters().connections_open == 1);
    CHECK(adopting.status().listeners.empty());
    adopting.drain();
    listener.close();
    socket.hang_up();
    CHECK(pump(fixture.loop, [&] { return adopting.drained(); }));
    // One that comes during the drain is closed.
    acceptor.received.clear();
    CHECK(adopting.counters().connections_refused == 0);
  }

  TEST_CASE("status names what was refused, and nothing that was not") {
    Fixture fixture;
    CHECK(fixture.ask_once(headers_for("/nothing"), "").status() == "12");
    CHECK(fixture.is_well());
    const starling::FrontEndStatus status = fixture.server->status();
    CHECK(status.name == "grpc");
    CHECK(status.listeners == std::vector<std::string>{fixture.server->local_endpoint().to_string()});
    CHECK(status.requests == 1);
    CHECK(status.connections_accepted == 2);
    CHECK(status.errors_that_occurred() ==
          std::vector<std::pair<std::string_view, std::uint64_t>>{{"method_unknown", 1}});
  }

  TEST_CASE("a server that goes with open connections and calls leaves nothing behind") {
    Fixture fixture;
    const auto client = fixture.connect();
    client->ask(headers_for(echo_path), message_of("x"), false);
    client->ask("/test.Echo/Stream", "");
    CHECK(fixture.wait(*client, [&] { return fixture.stream.sinks.size() == 1; }));
    fixture.server.reset();
    CHECK(fixture.stream.sinks.empty());
    fixture.loop.run();
  }

  TEST_CASE("every reason has a name of its own") {
    std::vector<std::string_view> names;
    for (std::size_t i = 0; i < error_reasons_count; ++i) {
      const std::string_view name_of = name(static_cast<ErrorReason>(i));
      CHECK(!name_of.empty());
      CHECK(std::find(names.begin(), names.end(), name_of) == names.end());
      names.push_back(name_of);
    }
    CHECK(name(ErrorReason::accept_failed) == "accept_failed");
    CHECK(name(ErrorReason::calls_too_many) == "calls_too_many");
  }
}
