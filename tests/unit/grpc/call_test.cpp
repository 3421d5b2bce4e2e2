// The rules of gRPC, one call at a time: which answers a client gets for what.
#include "support.hpp"

using namespace starling::grpc;
using namespace starling::grpc::testing;

TEST_SUITE("grpc.call") {
  TEST_CASE("a unary call is answered with headers, one message and trailers") {
    Fixture fixture;
    const auto client = fixture.connect();
    const Reply reply = fixture.ask(*client, echo_path, "hello");
    CHECK(reply.headers ==
          std::map<std::string, std::string>{{":status", "200"}, {"content-type", "application/grpc"}});
    CHECK(reply.body == message_of("hello"));
    CHECK(reply.trailers == std::map<std::string, std::string>{{"grpc-status", "0"}});
    CHECK(reply.error_code == NGHTTP2_NO_ERROR);
    CHECK(fixture.asked == std::vector<std::string>{"hello"});
    CHECK(fixture.ask(*client, echo_path, "").body == message_of(""));
    CHECK(fixture.server->counters().requests == 2);
    CHECK(fixture.server->counters().calls_open == 0);
    CHECK(fixture.server->counters().buffered_bytes == 0);
  }

  TEST_CASE("DATA frames may cut the message anywhere, and end with an empty one") {
    Fixture fixture;
    const auto client = fixture.connect();
    const std::string bytes = message_of("hello, starling");
    for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
      const auto id = client->ask(headers_for(echo_path), bytes.substr(0, cut), false);
      client->exchange();
      client->continue_request(id, bytes.substr(cut), false);
      client->exchange();
      client->continue_request(id, "", true);
      CHECK(fixture.reply_to(*client, id).body == bytes);
    }
    const auto id = client->ask(headers_for(echo_path), bytes, true, 1);
    CHECK(fixture.reply_to(*client, id).body == bytes);
  }

  TEST_CASE("a message that is whole waits for the end of the request") {
    Fixture fixture;
    const auto client = fixture.connect();
    const auto id = client->ask(headers_for(echo_path), message_of("a"), false);
    CHECK(fixture.ask(*client, echo_path, "later").status() == "0");
    CHECK(fixture.asked == std::vector<std::string>{"later"});
    client->continue_request(id, "", true);
    CHECK(fixture.reply_to(*client, id).body == message_of("a"));
  }

  TEST_CASE("what a method refuses is told in trailers alone, percent-encoded") {
    Fixture fixture;
    const auto client = fixture.connect();
    const Reply reply = fixture.ask(*client, "/test.Echo/Refuse", "x");
    CHECK(reply.blocks == 1);
    CHECK(reply.headers == std::map<std::string, std::string>{{":status", "200"},
                                                              {"content-type", "application/grpc"},
                                                              {"grpc-status", "3"},
                                                              {"grpc-message", "100 %25 of %C3%BC%0A"}});
    CHECK(reply.body.empty());
  }

  TEST_CASE("a method that throws is INTERNAL, and half an answer is dropped") {
    Fixture fixture;
    const auto client = fixture.connect();
    const Reply reply = fixture.ask(*client, "/test.Echo/Fail", "x");
    CHECK(reply.status() == "13");
    CHECK(reply.body.empty());
    CHECK(fixture.errors(ErrorReason::method_failed) == 1);
    CHECK(fixture.ask(*client, echo_path, "on").status() == "0");
  }

  TEST_CASE("an unknown method is UNIMPLEMENTED and named") {
    Fixture fixture;
    for (const char* path : {"/", "/test.Echo/Nothing", "/test.Echo/Echo/", "/test.Echo/Echo?a=b"}) {
      const Reply reply = fixture.ask_once(headers_for(path), message_of("x"));
      CHECK(reply.status() == "12");
      CHECK(reply.message() == "there is no method " + std::string(path) + " here");
    }
    CHECK(fixture.ask_once(headers_for("/" + std::string(5'000, 'x')), "").message().size() < 200);
    CHECK(fixture.errors(ErrorReason::method_unknown) == 5);
    CHECK(fixture.asked.empty());
  }

  TEST_CASE("another content-type is 415 and no gRPC answer") {
    Fixture fixture;
    for (const char* type : {"", "application/json", "application/grpc+json", "application/grpc-web"}) {
      const Reply reply =
          fixture.ask_once(with(headers_for(echo_path), "content-type", type), message_of("x"));
      CHECK(reply.headers.at(":status") == "415");
      CHECK(reply.status().empty());
      CHECK(reply.body.find("application/grpc") != std::string::npos);
    }
    CHECK(fixture.errors(ErrorReason::content_type_unsupported) == 4);
    const auto proto = with(headers_for(echo_path), "content-type", "application/grpc+proto;a=b");
    CHECK(fixture.ask_once(proto, message_of("x")).status() == "0");
  }

  TEST_CASE("another HTTP method is 405") {
    Fixture fixture;
    const Reply reply = fixture.ask_once(with(headers_for(echo_path), ":method", "GET"), "");
    CHECK(reply.headers.at(":status") == "405");
    CHECK(reply.headers.at("allow") == "POST");
    CHECK(reply.status().empty());
    CHECK(fixture.errors(ErrorReason::method_not_post) == 1);
  }

  TEST_CASE("a missing te, any grpc-timeout and any metadata are ignored") {
    Fixture fixture;
    Headers headers = with(headers_for(echo_path), "te", "");
    for (const char* timeout : {"1n", "20m", "99999999H", "", "-1S", "soon", "123456789012345S"})
      CHECK(fixture.ask_once(with(headers, "grpc-timeout", timeout), message_of("x")).status() == "0");
    headers.emplace_back("x-bin", "AAEC");
    headers.emplace_back("grpc-accept-encoding", "gzip, identity");
    CHECK(fixture.ask_once(headers, message_of("x")).status() == "0");
  }

  TEST_CASE("a compressed message is UNIMPLEMENTED, told as soon as the flag is seen") {
    Fixture fixture;
    const auto gzip = with(headers_for(echo_path), "grpc-encoding", "gzip");
    const Reply reply = fixture.ask_once(gzip, message_of(std::string(100, 'x'), 1).substr(0, 20), false);
    CHECK(reply.status() == "12");
    CHECK(reply.message() == "expected a message that is not compressed, found grpc-encoding gzip");
    CHECK(reply.headers.at("grpc-accept-encoding") == "identity");
    CHECK(reply.error_code == NGHTTP2_NO_ERROR);
    CHECK(fixture.errors(ErrorReason::message_compressed) == 1);
    // An encoding that the message does not use is no reason to refuse it.
    CHECK(fixture.ask_once(gzip, message_of("x")).status() == "0");
  }

  TEST_CASE("a message of the largest size passes, one byte more is RESOURCE_EXHAUSTED at once") {
    Fixture fixture;
    const std::string largest(64 * 1024, 'x');
    CHECK(fixture.ask_once(headers_for(echo_path), message_of(largest)).body == message_of(largest));
    const Reply reply =
        fixture.ask_once(headers_for(echo_path), message_of(largest + 'x').substr(0, 5), false);
    CHECK(reply.status() == "8");
    CHECK(reply.message() == "expected a message of at most 65536 bytes, found 65537");
    CHECK(fixture.errors(ErrorReason::message_too_large) == 1);
    // A client that sends all of it regardless is answered the same.
    CHECK(fixture.ask_once(headers_for(echo_path), message_of(std::string(2'000'000, 'x'))).status() == "8");
    CHECK(fixture.server->counters().buffered_bytes == 0);
  }

  TEST_CASE("one message is expected: none and two are UNIMPLEMENTED, half of one is INTERNAL") {
    Fixture fixture;
    const auto status_of = [&](const std::string& body) {
      return fixture.ask_once(headers_for(echo_path), body).status();
    };
    CHECK(status_of("") == "12");
    CHECK(status_of(message_of("a") + message_of("b")) == "12");
    CHECK(status_of(message_of("a") + '\0') == "12");
    CHECK(fixture.errors(ErrorReason::messages_miscounted) == 3);
    CHECK(status_of(message_of("abc").substr(0, 7)) == "13");
    CHECK(status_of(message_of("abc").substr(0, 3)) == "13");
    CHECK(status_of(message_of("abc", 2)) == "13");
    CHECK(fixture.errors(ErrorReason::message_malformed) == 3);
    CHECK(fixture.asked.empty());
  }

  TEST_CASE("headers above the bound are RESOURCE_EXHAUSTED, and the connection goes on") {
    Fixture fixture;
    const auto client = fixture.connect();
    Headers headers = headers_for(echo_path);
    for (int i = 0; i < 20; ++i) headers.emplace_back("x-" + std::to_string(i), std::string(1'000, 'x'));
    const Reply reply = fixture.reply_to(*client, client->ask(headers, message_of("x")));
    CHECK(reply.status() == "8");
    CHECK(fixture.errors(ErrorReason::headers_too_large) == 1);
    CHECK(fixture.ask(*client, echo_path, "on").status() == "0");
  }

  TEST_CASE("trailers of the client end its request") {
    Fixture fixture;
    const auto socket = fixture.connect_raw();
    fixture.send(*socket, std::string(preface) + frame(NGHTTP2_SETTINGS, 0, 0, "") +
                              frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 1,
                                    header_block(headers_for(echo_path))) +
                              frame(NGHTTP2_DATA, 0, 1, message_of("x")) +
                              frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM, 1,
                                    header_block({{"x-end", "1"}})));
    CHECK(pump(fixture.loop, [&] { return fixture.asked.size() == 1; }));
  }

  TEST_CASE("a large answer obeys the client's window") {
    Fixture fixture;
    const auto client = fixture.connect({{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 100}});
    const Reply reply = fixture.ask(*client, "/test.Echo/Big", "300000");
    CHECK(reply.body == message_of(std::string(300'000, 'b')));
    CHECK(reply.status() == "0");
    CHECK(fixture.server->counters().buffered_bytes == 0);
  }

  TEST_CASE("a thousand calls at a time are all answered, each with its own") {
    Fixture fixture;
    const auto client = fixture.connect();
    std::vector<std::int32_t> ids;
    for (int i = 0; i < 1'000; ++i)
      ids.push_back(client->ask(headers_for(echo_path), message_of(std::to_string(i)).substr(0, 5), false));
    CHECK(fixture.wait(*client, [&] { return fixture.server->counters().calls_open == 1'000; }));
    for (std::size_t i = 0; i < ids.size(); ++i) client->continue_request(ids[i], std::to_string(i), true);
    CHECK(fixture.wait(*client, [&] { return client->closed_count == 1'000; }));
    for (std::size_t i = 0; i < ids.size(); ++i)
      CHECK(client->replies[ids[i]].body == message_of(std::to_string(i)));
    CHECK(fixture.server->counters().calls_open == 0);
  }

  TEST_CASE("a stream's messages come as they are sent, the newest first when the client does not read") {
    Fixture fixture;
    const auto client = fixture.connect({{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 12}});
    const auto id = client->ask("/test.Echo/Stream", "");
    CHECK(fixture.wait(*client, [&] { return client->replies[id].body == message_of("hello"); }));
    REQUIRE(fixture.stream.sinks.size() == 1);
    fixture.stream.sinks[0]->send("one");
    fixture.stream.sinks[0]->send("two");
    CHECK(fixture.wait(*client, [&] { return client->replies[id].body.ends_with("two"); }));
    CHECK(client->replies[id].body == message_of("hello") + message_of("two"));
    client->reset(id);
    CHECK(fixture.wait(*client, [&] { return fixture.stream.sinks.empty(); }));
    CHECK(fixture.server->counters().calls_open == 0);
  }

  TEST_CASE("a stream ends with its connection") {
    Fixture fixture;
    const auto client = fixture.connect();
    client->ask("/test.Echo/Stream", "");
    CHECK(fixture.wait(*client, [&] { return fixture.stream.sinks.size() == 1; }));
    client->socket.hang_up();
    CHECK(pump(fixture.loop, [&] { return fixture.stream.sinks.empty(); }));
    CHECK(fixture.errors(ErrorReason::connection_cut) == 0);
    CHECK(pump(fixture.loop, [&] { return fixture.open() == 0; }));
  }
}
