// The body of POST /json, from bytes to the answer, decided by a real engine. What is answered is JSON with a
// status for each descriptor.
#include <nlohmann/json.hpp>
#include <string>

#include "engine_service.hpp"
#include "http/rls_api.hpp"
#include "http/rls_json.hpp"
#include "target.hpp"

using namespace starling;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes_count) {
  static fuzz::EngineService service;
  static http::RlsApi api(service);
  static http::Response response;
  static RlsRequest request;
  static std::string arena;
  const std::string body(fuzz::text_of(data, bytes_count));
  service.move_on();

  request.clear();
  const auto read = http::read_rls_json(body, arena, request);
  const std::size_t descriptors_count = request.descriptors_count();
  REQUIRE_THAT(read || !read.error().empty());

  response.clear();
  api.on_request({.method = "POST", .path = "/json", .body = body}, response);
  const auto answer = nlohmann::json::parse(response.body(), nullptr, false);
  const int status = response.status();
  REQUIRE_THAT(status == 200 || status == 429 || status == 400);
  REQUIRE_THAT(read || status == 400);
  if (status == 400) return 0;
  REQUIRE_THAT(answer.is_object());
  REQUIRE_THAT(answer.at("overallCode") == (status == 200 ? "OK" : "OVER_LIMIT"));
  REQUIRE_THAT(answer.at("statuses").size() == descriptors_count);
  return 0;
}
