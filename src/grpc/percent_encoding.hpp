/// `grpc-message` as it travels: UTF-8 in which everything but printable ASCII, and the percent sign itself,
/// is percent-encoded (gRPC over HTTP/2, "Status-Message").
#pragma once

#include <string>
#include <string_view>

namespace starling::grpc {

void append_percent_encoded(std::string& out, std::string_view text);

}  // namespace starling::grpc
