#include "grpc/request_head.hpp"

#include <algorithm>

namespace starling::grpc {
namespace {

/// `lower` is in lower case.
bool starts_with_ignoring_case(std::string_view text, std::string_view lower) {
  if (text.size() < lower.size()) return false;
  return std::equal(lower.begin(), lower.end(), text.begin(), [](char expected, char found) {
    return expected == (found >= 'A' && found <= 'Z' ? static_cast<char>(found + ('a' - 'A')) : found);
  });
}

}  // namespace

void RequestHead::take(std::string_view name, std::string_view value) {
  switch (name.size()) {
    case 7:
      if (name == ":method") is_post = value == "POST";
      break;
    case 12:
      if (name == "content-type") is_grpc = is_grpc_content_type(value);
      break;
    case 13:
      if (name == "grpc-encoding") message_encoding = value.substr(0, shown_path_bytes_max);
      break;
    default:
      break;
  }
}

void RequestHead::reset() {
  is_post = false;
  is_grpc = false;
  list_bytes = 0;
  path.clear();
  message_encoding.clear();
}

bool is_grpc_content_type(std::string_view value) {
  constexpr std::string_view grpc = "application/grpc";
  constexpr std::string_view proto = "+proto";
  if (value == grpc) return true;  // as most do
  if (!starts_with_ignoring_case(value, grpc)) return false;
  value.remove_prefix(grpc.size());
  if (starts_with_ignoring_case(value, proto)) value.remove_prefix(proto.size());
  return value.empty() || value.front() == ';' || value.front() == ' ';
}

}  // namespace starling::grpc
