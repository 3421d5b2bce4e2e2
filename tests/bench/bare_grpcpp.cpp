// What gRPC's own C++ library takes for a constant answer: a server of its callback API that looks at neither
// the method nor the message, so that nothing is parsed or built, as in the other bare servers. Its threads
// are the library's; the benchmark keeps them all on one core.
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <grpcpp/support/byte_buffer.h>

#include <cstdio>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>

namespace {

/// One call; gone when it is done.
class Call final : public grpc::ServerGenericBidiReactor {
 public:
  explicit Call(const grpc::ByteBuffer& reply) : reply_(reply) { StartRead(&request_); }

  void OnReadDone(bool ok) override {
    if (ok)
      StartWriteAndFinish(&reply_, grpc::WriteOptions(), grpc::Status::OK);
    else
      Finish(grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "expected one message, found none"));
  }
  void OnDone() override { delete this; }

 private:
  grpc::ByteBuffer request_;
  grpc::ByteBuffer reply_;
};

class ConstantService final : public grpc::CallbackGenericService {
 public:
  explicit ConstantService(const std::string& reply) {
    const grpc::Slice slice(reply);
    reply_ = grpc::ByteBuffer(&slice, 1);
  }
  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext*) override {
    return new Call(reply_);
  }

 private:
  grpc::ByteBuffer reply_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: %s ADDRESS PORT FILE-WITH-THE-ANSWER\n", argv[0]);
    return 2;
  }
  std::ifstream file(argv[3], std::ios::binary);
  if (!file) {
    std::fprintf(stderr, "%s: expected a file that can be read\n", argv[3]);
    return 1;
  }
  ConstantService service(std::string{std::istreambuf_iterator<char>(file), {}});
  grpc::ServerBuilder builder;
  builder.RegisterCallbackGenericService(&service);
  builder.AddListeningPort(std::string(argv[1]) + ":" + argv[2], grpc::InsecureServerCredentials());
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr) {
    std::fprintf(stderr, "%s:%s: cannot listen\n", argv[1], argv[2]);
    return 1;
  }
  server->Wait();
  return 0;
}
