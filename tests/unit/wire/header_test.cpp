#include "wire/header.hpp"

#include <doctest/doctest.h>

#include "packets.hpp"

namespace starling::wire {
namespace {

std::array<std::byte, header_bytes> header(Kind kind, std::uint64_t cluster_tag) {
  std::array<std::byte, header_bytes> bytes{};
  Header{.kind = kind, .cluster_tag = cluster_tag}.write(bytes);
  return bytes;
}

TEST_SUITE("wire.header") {
  TEST_CASE("the sixteen bytes are what they have always been") {
    const std::array<unsigned char, 16> expected{'S',  'T',  'L',  'G',  1,    2,    0,    0,
                                                 0xef, 0xcd, 0xab, 0x89, 0x67, 0x45, 0x23, 0x01};
    const auto written = header(Kind::pull, 0x0123'4567'89ab'cdef);
    CHECK(std::memcmp(written.data(), expected.data(), 16) == 0);
    CHECK(static_cast<int>(Kind::delta) == 1);
    CHECK(static_cast<int>(Kind::heartbeat) == 3);
    CHECK(static_cast<int>(Kind::inquiry) == 4);
    CHECK(static_cast<int>(Kind::witness) == 5);
  }

  TEST_CASE("what is written is read") {
    Random random(1);
    for (int i = 0; i < 1000; ++i) {
      const auto kind = all_kinds[random.below(all_kinds.size())];
      const std::uint64_t cluster_tag = random.next();
      const auto read = Header::read(header(kind, cluster_tag));
      REQUIRE(read);
      CHECK(read->kind == kind);
      CHECK(read->cluster_tag == cluster_tag);
    }
  }

  TEST_CASE("fewer bytes are too short, whatever they are") {
    const auto whole = header(Kind::delta, tag);
    for (std::size_t bytes = 0; bytes < header_bytes; ++bytes)
      CHECK(Header::read(std::span(whole).first(bytes)).error() == Error{ErrorCode::too_short});
    CHECK(Header::read({}).error().code == ErrorCode::too_short);
  }

  TEST_CASE("any other magic is not ours") {
    for (std::size_t at = 0; at < 4; ++at) {
      auto changed = header(Kind::delta, tag);
      changed[at] ^= std::byte{1};
      CHECK(Header::read(changed).error() == Error{ErrorCode::bad_magic});
    }
  }

  TEST_CASE("any other version of the protocol is told with its number") {
    for (unsigned version = 0; version < 256; ++version) {
      if (version == protocol_version) continue;
      auto changed = header(Kind::delta, tag);
      changed[4] = static_cast<std::byte>(version);
      CHECK(Header::read(changed).error() == Error{ErrorCode::wrong_protocol, version});
    }
  }

  TEST_CASE("any other kind is told with its number") {
    for (unsigned kind = 0; kind < 256; ++kind) {
      if (kind >= 1 && kind <= 9) continue;
      auto changed = header(Kind::delta, tag);
      changed[5] = static_cast<std::byte>(kind);
      CHECK(Header::read(changed).error() == Error{ErrorCode::unknown_kind, kind});
    }
  }

  TEST_CASE("the reserved byte is ignored, so that it can be used later") {
    auto changed = header(Kind::delta, tag);
    changed[7] = std::byte{0xff};
    CHECK(Header::read(changed)->cluster_tag == tag);
    CHECK(Header::read(changed)->form == Form::plain);
  }

  TEST_CASE("any other form than plain and sealed is another protocol, and told with its number") {
    auto changed = header(Kind::delta, tag);
    changed[6] = std::byte{1};
    CHECK(Header::read(changed)->form == Form::sealed);
    for (unsigned form = 2; form < 256; ++form) {
      changed[6] = static_cast<std::byte>(form);
      CHECK(Header::read(changed).error() == Error{ErrorCode::wrong_protocol, 256 * form + 1});
    }
  }
}

}  // namespace
}  // namespace starling::wire
