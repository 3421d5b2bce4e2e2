// One HTTP request, from bytes to the answer, without a socket: the head is found, parsed, its body read, and
// the check decided by a real engine. The first byte says how the rest is cut into pieces, which must make no
// difference.
#include <memory>
#include <string>
#include <vector>

#include "engine_service.hpp"
#include "frontend/attribute_map.hpp"
#include "http/body_reader.hpp"
#include "http/check_api.hpp"
#include "http/head_parser.hpp"
#include "http/head_scanner.hpp"
#include "http/response.hpp"
#include "target.hpp"

using namespace starling;
using namespace starling::http;

namespace {

constexpr std::size_t headers_max = 16;
constexpr std::size_t body_bytes_max = 512;

bool lies_in(std::string_view part, std::string_view whole) {
  return part.empty() ||
         (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

HeadScanner scan_in_pieces(std::uint8_t seed, std::string_view bytes) {
  HeadScanner scanner;
  std::size_t shown = 0;
  for (fuzz::Cutter cutter(seed, bytes); !cutter.done();) {
    shown += cutter.next().size();
    if (scanner.scan(bytes.substr(0, shown)) != HeadScanner::Found::nothing_yet) break;
  }
  return scanner;
}

void read_body(std::uint8_t seed, const RequestView& request, std::string_view bytes) {
  const auto make = [&] {
    return request.chunked ? BodyReader::of_chunks(body_bytes_max)
                           : BodyReader::of_length(request.content_length, body_bytes_max);
  };
  BodyReader whole = make();
  const std::size_t used = whole.take(bytes);
  REQUIRE_THAT(used <= bytes.size());
  REQUIRE_THAT(whole.body().size() <= body_bytes_max);
  BodyReader cut = make();
  std::size_t used_in_pieces = 0;
  for (fuzz::Cutter cutter(seed, bytes); !cutter.done() && cut.state() == BodyReader::State::needs_more;)
    used_in_pieces += cut.take(cutter.next());
  REQUIRE_THAT(cut.state() == whole.state());
  if (whole.state() == BodyReader::State::complete) {
    REQUIRE_THAT(used_in_pieces == used);
    REQUIRE_THAT(cut.body() == whole.body());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes_count) {
  static fuzz::EngineService service;
  static const auto attributes =
      AttributeMap::parse("client_ip,method,host,path,scheme=@scheme,principal=x-api-key|x-user");
  REQUIRE_THAT(attributes.has_value());
  static const HeaderFamilies families = HeaderFamilies().with(HeaderFamily::ietf).with(HeaderFamily::kong);
  static CheckApi plain(service, families);
  static CheckApi with_attributes(service, families, {*attributes, 2});
  static std::vector<Header> headers(headers_max);
  static Response response;
  if (bytes_count == 0) return 0;
  service.move_on();
  // Out of a buffer of just this size, so that reading past its end is seen.
  const std::vector<char> exact(data + 1, data + bytes_count);
  const std::string_view bytes(exact.data(), exact.size());

  HeadScanner scanner;
  const HeadScanner::Found found = scanner.scan(bytes);
  HeadScanner cut = scan_in_pieces(data[0], bytes);
  REQUIRE_THAT(cut.error() == scanner.error());
  if (found != HeadScanner::Found::head) return 0;
  REQUIRE_THAT(cut.head_bytes() == scanner.head_bytes());
  REQUIRE_THAT(scanner.head_bytes() <= bytes.size());

  const std::string_view head = bytes.substr(0, scanner.head_bytes());
  RequestView request;
  if (parse_head(head, headers, request)) return 0;
  for (const Header& header : request.headers)
    REQUIRE_THAT(!header.name.empty() && lies_in(header.name, head) && lies_in(header.value, head));
  REQUIRE_THAT(lies_in(request.query, head));
  if (request.body_owed) read_body(data[0], request, bytes.substr(head.size()));

  response.clear();
  request.from = {.address = Address::v4(192, 0, 2, 1), .port = 5};
  ((data[0] & 4U) != 0 ? with_attributes : plain).on_request(request, response);
  std::string out;
  response.append_to(out, {.head_only = request.method == "HEAD", .keep_alive = request.keep_alive});
  REQUIRE_THAT(out.starts_with("HTTP/1.1 "));
  const std::size_t answer_head = out.find("\r\n\r\n");
  REQUIRE_THAT(answer_head != std::string::npos);
  REQUIRE_THAT(request.method == "HEAD" || out.size() == answer_head + 4 + response.body().size());
  return 0;
}
