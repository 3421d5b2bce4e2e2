#include "grpc/rls_codec.hpp"

#include <fmt/format.h>

#include <array>
#include <exception>
#include <protozero/pbf_reader.hpp>
#include <protozero/pbf_writer.hpp>
#include <protozero/varint.hpp>
#include <stdexcept>

namespace starling::grpc {
namespace {

using protozero::pbf_reader;
using protozero::pbf_wire_type;
using protozero::pbf_writer;

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

/// What stands before the bytes of a field: its number, which is below 16, and how many they are.
class LengthPrefix {
 public:
  LengthPrefix(protozero::pbf_tag_type field, std::size_t bytes) {
    prefix_[0] = static_cast<char>(field << 3U | static_cast<unsigned>(pbf_wire_type::length_delimited));
    size_ = 1 + static_cast<std::size_t>(protozero::add_varint_to_buffer(prefix_.data() + 1, bytes));
  }
  std::string_view view() const { return {prefix_.data(), size_}; }

 private:
  std::array<char, 1 + protozero::max_varint_length> prefix_;
  std::size_t size_;
};

void add_bytes(pbf_writer& message, protozero::pbf_tag_type field, std::string_view bytes) {
  if (!bytes.empty()) message.add_string(field, bytes.data(), bytes.size());
}

void write_status(pbf_writer message, const RlsStatus& status) {
  message.add_enum(status_field::code, static_cast<std::int32_t>(status.code));
  if (status.has_limit) {
    pbf_writer limit(message, status_field::current_limit);
    // Also if it is 0: protozero takes an empty message back, and its being there is what counts.
    limit.add_uint32(limit_field::requests_per_unit, status.requests_per_unit);
    if (status.unit != RlsUnit::unknown)
      limit.add_enum(limit_field::unit, static_cast<std::int32_t>(status.unit));
    add_bytes(limit, limit_field::name, status.name);
  }
  if (status.remaining > 0) message.add_uint32(status_field::limit_remaining, status.remaining);
  if (status.has_limit) {
    pbf_writer duration(message, status_field::duration_until_reset);
    duration.add_uint64(duration_field::seconds, status.reset_s);
  }
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
  pbf_writer message(out);
  message.add_enum(response_field::overall_code, static_cast<std::int32_t>(answer.overall()));
  for (const RlsStatus& status : answer.statuses())
    write_status(pbf_writer(message, response_field::statuses), status);
  for (const RlsHeader& header : answer.headers()) {
    // Written from its parts in one go: a nested writer would have to move them when it is closed.
    const LengthPrefix key(header_field::key, header.name.size());
    const LengthPrefix value(header_field::value, header.value.size());
    message.add_bytes_vectored(response_field::response_headers_to_add, key.view(), header.name, value.view(),
                               header.value);
  }
}

}  // namespace starling::grpc
