/// Where the headers of an answer go: lines of an HTTP response, or key/value pairs of a gRPC message.
#pragma once

#include <string>
#include <string_view>

namespace starling {

class HeaderSink {
 public:
  /// Begins a header; its value is to be appended to what this returns, printable ASCII only, before
  /// `end_header`. What the string held before is the sink's own business.
  virtual std::string& begin_header(std::string_view name) = 0;
  virtual void end_header() = 0;

 protected:
  ~HeaderSink() = default;
};

}  // namespace starling
