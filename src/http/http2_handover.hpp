/// Who takes connections that turn out to speak HTTP/2 with prior knowledge.
#pragma once

#include <string_view>

#include "node/client_stream.hpp"
#include "node/handle.hpp"

namespace starling::http {

/// What every such connection begins with (RFC 9113, section 3.4).
inline constexpr std::string_view http2_preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

class Http2Handover {
 public:
  /// `stream` is not being read from, and nothing has been written to it; its `data` is the new owner's to
  /// set. `received`: everything that was read, from the preface's first byte on; valid only during the call.
  virtual void on_http2(Handle<ClientStream> stream, std::string_view received) = 0;

 protected:
  ~Http2Handover() = default;
};

}  // namespace starling::http
