#include "grpc/rls_codec.hpp"

#include <fmt/format.h>

#include <cstring>
#include <exception>
#include <protozero/pbf_reader.hpp>
#include <protozero/varint.hpp>
#include <stdexcept>

#include "base/check.hpp"

namespace starling::grpc {
namespace {

using protozero::pbf_reader;
using protozero::pbf_wire_type;

// Numbers of fields.
namespace request_field {
enum : protozero::pbf_tag_type { domain = 1, descriptors = 2, hits_addend = 3 };
}
namespace descriptor_field {
enum : protozero::pbf_tag_type { entries = 1, limit = 2, hits_addend = 3, is_negative_hits = 4 };
}
namespace entry_field {
enum : protozero::pbf_tag_type { key = 1, value = 2 };
}
namespace override_field {
enum : protozero::pbf_tag_type { requests_per_unit = 1, unit = 2 };
}
namespace wrapper_field {
enum : protozero::pbf_tag_type { value = 1 };
}
namespace response_field {
enum : protozero::pbf_tag_type { overall_code = 1, statuses = 2, response_headers_to_add = 3 };
}
namespace status_field {
enum : protozero::pbf_tag_type { code = 1, current_limit = 2, limit_remaining = 3, duration_until_reset = 4 };
}
namespace limit_field {
enum : protozero::pbf_tag_type { requests_per_unit = 1, unit = 2, name = 3 };
}
namespace duration_field {
enum : protozero::pbf_tag_type { seconds = 1 };
}
namespace header_field {
enum : protozero::pbf_tag_type { key = 1, value = 2 };
}

/// A known field of another wire type. Does not leave this file, like protozero's own exceptions.
struct WrongWireType : std::runtime_error {
  using std::runtime_error::runtime_error;
};

void expect(const pbf_reader& message, pbf_wire_type type, const char* field) {
  if (message.wire_type() == type) return;
  throw WrongWireType(fmt::format("{}: expected {}, found wire type {}", field,
                                  type == pbf_wire_type::varint ? "a varint" : "a length and its bytes",
                                  static_cast<unsigned>(message.wire_type())));
}

std::string_view read_bytes(pbf_reader& message, const char* field) {
  expect(message, pbf_wire_type::length_delimited, field);
  const protozero::data_view view = message.get_view();
  return {view.data(), view.size()};
}

pbf_reader read_message(pbf_reader& message, const char* field) {
  expect(message, pbf_wire_type::length_delimited, field);
  return message.get_message();
}

std::uint32_t read_uint32(pbf_reader& message, const char* field) {
  expect(message, pbf_wire_type::varint, field);
  return message.get_uint32();
}

void read_entry(pbf_reader entry, RlsRequest& request) {
  std::string_view key;
  std::string_view value;
  while (entry.next()) {
    switch (entry.tag()) {
      case entry_field::key:
        key = read_bytes(entry, "entries.key");
        break;
      case entry_field::value:
        value = read_bytes(entry, "entries.value");
        break;
      default:
        entry.skip();
    }
  }
  request.add_entry(key, value);
}

void read_override(pbf_reader message, RlsRequest::Override& limit) {
  while (message.next()) {
    switch (message.tag()) {
      case override_field::requests_per_unit:
        limit.requests_per_unit = read_uint32(message, "limit.requests_per_unit");
        break;
      case override_field::unit:
        limit.unit = read_uint32(message, "limit.unit");
        break;
      default:
        message.skip();
    }
  }
}

void read_wrapper(pbf_reader wrapper, std::uint64_t& hits) {
  while (wrapper.next()) {
    if (wrapper.tag() == wrapper_field::value) {
      expect(wrapper, pbf_wire_type::varint, "hits_addend.value");
      hits = wrapper.get_uint64();
    } else {
      wrapper.skip();
    }
  }
}

void read_descriptor(pbf_reader descriptor, RlsRequest& request) {
  request.begin_descriptor();
  while (descriptor.next()) {
    switch (descriptor.tag()) {
      case descriptor_field::entries:
        read_entry(read_message(descriptor, "descriptors.entries"), request);
        break;
      case descriptor_field::limit:
        read_override(read_message(descriptor, "descriptors.limit"), request.limit());
        break;
      case descriptor_field::hits_addend:
        read_wrapper(read_message(descriptor, "descriptors.hits_addend"), request.hits());
        break;
      case descriptor_field::is_negative_hits:
        expect(descriptor, pbf_wire_type::varint, "descriptors.is_negative_hits");
        request.set_gives_back(descriptor.get_uint64() != 0);
        break;
      default:
        descriptor.skip();
    }
  }
}

void read_request(pbf_reader message, RlsRequest& request) {
  while (message.next()) {
    switch (message.tag()) {
      case request_field::domain:
        request.set_domain(read_bytes(message, "domain"));
        break;
      case request_field::descriptors:
        read_descriptor(read_message(message, "descriptors"), request);
        break;
      case request_field::hits_addend:
        request.set_hits_addend(read_uint32(message, "hits_addend"));
        break;
      default:
        message.skip();
    }
  }
}

// An answer is measured and then written once, into memory of its size: nested writers would write every
// message after a gap for its length and move it when that is known. Numbers of fields are all below 16, so
// that a field begins with one byte.

std::size_t varint_bytes(std::uint64_t number) {
  return static_cast<std::size_t>(protozero::length_of_varint(number));
}

std::size_t number_bytes(std::uint64_t number) {
  return 1 + varint_bytes(number);
}

/// Of a field of text or of a message.
std::size_t field_bytes(std::size_t bytes) {
  return number_bytes(bytes) + bytes;
}

class FieldWriter {
 public:
  /// There must be room for all that is written.
  explicit FieldWriter(char* at) : at_(at) {}

  void number(protozero::pbf_tag_type field, std::uint64_t number) {
    begin(field, pbf_wire_type::varint, number);
  }
  /// The fields of the message follow.
  void message(protozero::pbf_tag_type field, std::size_t bytes) {
    begin(field, pbf_wire_type::length_delimited, bytes);
  }
  void text(protozero::pbf_tag_type field, std::string_view text) {
    message(field, text.size());
    if (!text.empty()) std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
  }
  const char* end() const { return at_; }

 private:
  void begin(protozero::pbf_tag_type field, pbf_wire_type type, std::uint64_t number) {
    *at_++ = static_cast<char>(field << 3U | static_cast<unsigned>(type));
    at_ += protozero::add_varint_to_buffer(at_, number);
  }

  char* at_;
};

std::uint64_t code_of(RlsCode code) {
  return static_cast<std::uint64_t>(code);
}

std::size_t limit_bytes(const RlsStatus& status) {
  // The number also if it is 0: that the message is there is what counts.
  return number_bytes(status.requests_per_unit) + (status.unit == RlsUnit::unknown ? 0 : number_bytes(1)) +
         (status.name.empty() ? 0 : field_bytes(status.name.size()));
}

std::size_t status_bytes(const RlsStatus& status) {
  std::size_t bytes = number_bytes(code_of(status.code));
  if (status.has_limit) bytes += field_bytes(limit_bytes(status)) + field_bytes(number_bytes(status.reset_s));
  if (status.remaining > 0) bytes += number_bytes(status.remaining);
  return bytes;
}

void write_status(FieldWriter& out, const RlsStatus& status) {
  out.number(status_field::code, code_of(status.code));
  if (status.has_limit) {
    out.message(status_field::current_limit, limit_bytes(status));
    out.number(limit_field::requests_per_unit, status.requests_per_unit);
    if (status.unit != RlsUnit::unknown)
      out.number(limit_field::unit, static_cast<std::uint64_t>(status.unit));
    if (!status.name.empty()) out.text(limit_field::name, status.name);
  }
  if (status.remaining > 0) out.number(status_field::limit_remaining, status.remaining);
  if (status.has_limit) {
    out.message(status_field::duration_until_reset, number_bytes(status.reset_s));
    out.number(duration_field::seconds, status.reset_s);
  }
}

std::size_t header_bytes(const RlsHeader& header) {
  return field_bytes(header.name.size()) + field_bytes(header.value.size());
}

}  // namespace

tl::expected<void, std::string> decode(std::string_view message, RlsRequest& request) {
  try {
    read_request(pbf_reader(message.data(), message.size()), request);
    return {};
  } catch (const WrongWireType& error) {
    return tl::unexpected<std::string>(error.what());
  } catch (const protozero::exception& error) {
    return tl::unexpected(
        fmt::format("expected a RateLimitRequest, found no whole message: {}", error.what()));
  }
}

void encode(const RlsAnswer& answer, std::string& out) {
  std::size_t bytes = number_bytes(code_of(answer.overall()));
  for (const RlsStatus& status : answer.statuses()) bytes += field_bytes(status_bytes(status));
  for (const RlsHeader& header : answer.headers()) bytes += field_bytes(header_bytes(header));

  const std::size_t begin = out.size();
  out.resize(begin + bytes);
  FieldWriter message(out.data() + begin);
  message.number(response_field::overall_code, code_of(answer.overall()));
  for (const RlsStatus& status : answer.statuses()) {
    message.message(response_field::statuses, status_bytes(status));
    write_status(message, status);
  }
  for (const RlsHeader& header : answer.headers()) {
    message.message(response_field::response_headers_to_add, header_bytes(header));
    message.text(header_field::key, header.name);
    message.text(header_field::value, header.value);
  }
  STARLING_CHECK(message.end() == out.data() + out.size());
}

}  // namespace starling::grpc
