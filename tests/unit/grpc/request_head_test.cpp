#include "grpc/request_head.hpp"

#include <doctest/doctest.h>

using starling::grpc::is_grpc_content_type;
using starling::grpc::RequestHead;

TEST_SUITE("grpc.request_head") {
  TEST_CASE("application/grpc is taken plain, with +proto and with parameters, in any case") {
    for (const char* type :
         {"application/grpc", "application/grpc+proto", "application/grpc;charset=utf-8",
          "Application/GRPC+Proto", "application/grpc+proto; a=b", "application/grpc ; a=b"})
      CHECK_MESSAGE(is_grpc_content_type(type), type);
  }

  TEST_CASE("anything else is not") {
    for (const char* type : {"", "application/grp", "application/json", "application/grpc+json",
                             "application/grpc-web", "application/grpc-web+proto", "application/grpcx",
                             " application/grpc", "text/application/grpc", "application/grpc+protobuf"})
      CHECK_MESSAGE(!is_grpc_content_type(type), type);
  }

  TEST_CASE("a header is known by its whole name") {
    RequestHead head;
    head.take(":method", "POST");
    head.take("content-typf", "application/grpc");
    head.take("grpc-encodinf", "gzip");
    CHECK(head.is_post);
    CHECK(!head.is_grpc);
    CHECK(head.message_encoding.empty());
    head.take("content-type", "application/grpc");
    head.take("grpc-encoding", std::string(500, 'z'));
    CHECK(head.is_grpc);
    CHECK(head.message_encoding == std::string(starling::grpc::shown_path_bytes_max, 'z'));
    head.reset();
    CHECK((!head.is_post && !head.is_grpc && head.message_encoding.empty()));
    for (const char* method : {"GET", "post", "POSTS", ""}) {
      head.take(":method", method);
      CHECK(!head.is_post);
    }
  }
}
