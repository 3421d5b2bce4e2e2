/// A DNS server that answers what a fuzzer's bytes say.
#pragma once

#include <arpa/inet.h>
#include <uv.h>

#include <algorithm>
#include <array>
#include <memory>
#include <span>
#include <vector>

#include "input.hpp"
#include "node/loop.hpp"
#include "node/resolver.hpp"
#include "target.hpp"

namespace starling::fuzz {

using DnsBytes = std::vector<std::uint8_t>;

/// One connection of a client, into which an answer was written, whole or in pieces.
struct DnsStream {
  Handle<uv_tcp_t> tcp;
  DnsBytes received;
  DnsBytes unsent;
  std::size_t piece_bytes = 1;
  bool closes = false;
};

class DnsServer {
 public:
  DnsServer(Loop& loop, Input input) : loop_(loop), input_(input) {
    // One port for both; somebody else may have it for one of them.
    for (int tries = 0; !bind(); ++tries) REQUIRE_THAT(tries < 100);
    uv_udp_recv_start(udp_.get(), &DnsServer::on_allocate, &DnsServer::on_datagram);
  }
  DnsServer(const DnsServer&) = delete;
  DnsServer& operator=(const DnsServer&) = delete;

  Endpoint endpoint() const { return {Address::v4(127, 0, 0, 1), port_}; }

  /// The loop turns once, and every stream gets its next piece.
  void turn() {
    bool more = false;
    for (const auto& stream : streams_) more = send_piece(*stream) || more;
    if (more)
      uv_run(loop_.get(), UV_RUN_NOWAIT);
    else
      uv_run(loop_.get(), UV_RUN_ONCE);
  }

 private:
  static constexpr std::size_t answer_bytes_max = 60'000;
  static constexpr std::size_t streams_max = 16;

  bool bind() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto udp = std::make_unique<uv_udp_t>();
    REQUIRE_THAT(uv_udp_init(loop_.get(), udp.get()) == 0);
    udp_ = adopt(std::move(udp), this);
    REQUIRE_THAT(uv_udp_bind(udp_.get(), reinterpret_cast<const sockaddr*>(&address), 0) == 0);
    int size = sizeof address;
    REQUIRE_THAT(uv_udp_getsockname(udp_.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port_ = ntohs(address.sin_port);
    auto tcp = std::make_unique<uv_tcp_t>();
    REQUIRE_THAT(uv_tcp_init(loop_.get(), tcp.get()) == 0);
    tcp_ = adopt(std::move(tcp), this);
    return uv_tcp_bind(tcp_.get(), reinterpret_cast<const sockaddr*>(&address), 0) == 0 &&
           uv_listen(reinterpret_cast<uv_stream_t*>(tcp_.get()), 16, &DnsServer::on_client) == 0;
  }

  static void on_allocate(uv_handle_t* handle, std::size_t, uv_buf_t* buffer) {
    static std::array<char, 4096> space;
    *buffer = uv_buf_init(handle->data == nullptr ? nullptr : space.data(), space.size());
  }
  static void on_datagram(uv_udp_t* udp, ssize_t count, const uv_buf_t* buffer, const sockaddr* from,
                          unsigned) {
    auto* self = static_cast<DnsServer*>(udp->data);
    if (self == nullptr || count < 12 || from == nullptr) return;
    const DnsBytes query(buffer->base, buffer->base + count);
    for (std::size_t left = 1 + self->input_.below(3); left > 0; --left) {
      DnsBytes answer = self->answer_to(query);
      const uv_buf_t out =
          uv_buf_init(reinterpret_cast<char*>(answer.data()), static_cast<unsigned>(answer.size()));
      if (!answer.empty()) uv_udp_try_send(udp, &out, 1, from);
      if (self->input_.done()) return;
    }
  }

  static void on_client(uv_stream_t* listener, int status) {
    auto* self = static_cast<DnsServer*>(listener->data);
    if (self == nullptr || status != 0) return;
    auto tcp = std::make_unique<uv_tcp_t>();
    REQUIRE_THAT(uv_tcp_init(self->loop_.get(), tcp.get()) == 0);
    auto stream = std::make_unique<DnsStream>();
    stream->tcp = adopt(std::move(tcp), self);
    auto* client = reinterpret_cast<uv_stream_t*>(stream->tcp.get());
    if (uv_accept(listener, client) != 0 || self->streams_.size() == streams_max) return;
    // Closed by a reset: tens of thousands of connections that wait for their end would use up the ports.
    const linger at_once{1, 0};
    uv_os_fd_t fd{};
    if (uv_fileno(reinterpret_cast<uv_handle_t*>(client), &fd) == 0)
      setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    uv_read_start(client, &DnsServer::on_allocate, &DnsServer::on_stream);
    self->streams_.push_back(std::move(stream));
  }

  static void on_stream(uv_stream_t* client, ssize_t count, const uv_buf_t* buffer) {
    auto* self = static_cast<DnsServer*>(client->data);
    if (self == nullptr) return;
    const auto found = std::find_if(self->streams_.begin(), self->streams_.end(), [&](const auto& stream) {
      return reinterpret_cast<uv_stream_t*>(stream->tcp.get()) == client;
    });
    if (found == self->streams_.end()) return;
    if (count < 0) {
      self->streams_.erase(found);
      return;
    }
    DnsStream& stream = **found;
    stream.received.insert(stream.received.end(), buffer->base, buffer->base + count);
    self->answer_stream(stream);
  }

  /// Every whole question in it.
  void answer_stream(DnsStream& stream) {
    for (;;) {
      if (stream.received.size() < 2) return;
      const std::size_t length = stream.received[0] * 256U + stream.received[1];
      if (stream.received.size() < 2 + length) return;
      const auto end = stream.received.begin() + 2 + static_cast<std::ptrdiff_t>(length);
      const DnsBytes query(stream.received.begin() + 2, end);
      stream.received.erase(stream.received.begin(), end);
      if (query.size() < 12) continue;
      const std::uint8_t form = input_.byte();
      DnsBytes answer = answer_to(query);
      const std::size_t said = (form & 1U) != 0 ? input_.byte() * 256U + input_.byte() : answer.size();
      stream.unsent.push_back(static_cast<std::uint8_t>(said >> 8U));
      stream.unsent.push_back(static_cast<std::uint8_t>(said));
      stream.unsent.insert(stream.unsent.end(), answer.begin(), answer.end());
      stream.piece_bytes = (form & 2U) != 0 ? 1 + input_.byte() : stream.unsent.size();
      stream.closes = (form & 4U) != 0;
    }
  }

  /// True if there is more to come.
  static bool send_piece(DnsStream& stream) {
    if (stream.tcp == nullptr || stream.unsent.empty()) return false;
    const uv_buf_t out =
        uv_buf_init(reinterpret_cast<char*>(stream.unsent.data()),
                    static_cast<unsigned>(std::min(stream.piece_bytes, stream.unsent.size())));
    const int sent = uv_try_write(reinterpret_cast<uv_stream_t*>(stream.tcp.get()), &out, 1);
    if (sent > 0) stream.unsent.erase(stream.unsent.begin(), stream.unsent.begin() + sent);
    if (sent < 0 && sent != UV_EAGAIN) stream.unsent.clear();
    if (stream.unsent.empty() && stream.closes) stream.tcp.reset();
    return !stream.unsent.empty();
  }

  static std::size_t question_end(const DnsBytes& query) {
    std::size_t at = 12;
    while (at < query.size() && query[at] != 0) at += query[at] + 1U;
    return std::min(query.size(), at + 5);
  }

  DnsBytes answer_to(const DnsBytes& query) {
    const std::uint8_t form = input_.byte();
    if (form < 8) return {};
    if (form < 32) {
      const auto raw = input_.take(input_.byte());
      return {raw.begin(), raw.end()};
    }
    DnsBytes answer(query.begin(), query.begin() + static_cast<std::ptrdiff_t>(question_end(query)));
    answer[2] = 0x81;
    answer[3] = 0x80;
    std::fill(answer.begin() + 6, answer.begin() + 12, std::uint8_t{0});
    // Of the bits of `form`, each is a way to differ from a sound answer.
    if ((form & 1U) != 0) answer[2] |= 2U;  // truncated
    if ((form & 2U) != 0) answer[3] = input_.byte();
    if ((form & 4U) != 0) answer[input_.below(12)] ^= input_.byte();
    if ((form & 8U) != 0) answer[12 + input_.below(answer.size() - 12)] ^= input_.byte();
    add_records(answer, query[question_end(query) - 3] == 28);
    if ((form & 16U) != 0) {
      const auto more = input_.take(input_.byte());
      answer.insert(answer.end(), more.begin(), more.end());
    }
    return answer;
  }

  void add_records(DnsBytes& answer, bool v6) {
    std::size_t records_count = 0;
    for (std::size_t groups = input_.below(5); groups > 0; --groups) {
      const std::uint8_t form = input_.byte();
      const std::size_t repeats = (form & 0xC0U) == 0xC0U ? 64U * (1U + input_.byte() % 48U) : 1;
      for (std::size_t i = 0; i < repeats && answer.size() < answer_bytes_max; ++i) {
        add_record(answer, form, v6, i);
        ++records_count;
      }
    }
    const std::size_t said = input_.flag() ? input_.byte() * 256U + input_.byte() : records_count;
    answer[6] = static_cast<std::uint8_t>(said >> 8U);
    answer[7] = static_cast<std::uint8_t>(said);
  }

  /// `repeat`: addresses differ by it.
  void add_record(DnsBytes& answer, std::uint8_t form, bool v6, std::size_t repeat) {
    const auto here = answer.size();
    const auto put = [&](std::initializer_list<std::size_t> bytes) {
      for (const std::size_t byte : bytes) answer.push_back(static_cast<std::uint8_t>(byte));
    };
    if ((form & 1U) == 0)
      put({0xc0, 12});  // the name that was asked for
    else if ((form & 2U) == 0)
      put({0xc0U | here >> 8U, here});  // a name that points to itself
    else
      put({0xc0U | input_.byte(), input_.byte()});
    const bool alias = (form & 4U) != 0;
    const std::size_t type = alias ? 5 : (form & 8U) != 0 ? input_.byte() : v6 ? 28 : 1;
    put({0, type, 0, 1, 0, 0, 0, 5});
    if (alias && (form & 16U) != 0) {
      put({0, 2, 0xc0, 12});
    } else if (alias) {
      put({0, 4, 1, 'a' + repeat % 26, 0xc0, 12});
    } else {
      const std::size_t bytes = (form & 32U) != 0 ? input_.byte() : v6 ? 16 : 4;
      put({0, bytes});
      for (std::size_t i = 0; i < bytes && i < 40; ++i)
        put({i + 2 == bytes ? repeat >> 8U : i + 1 == bytes ? repeat : input_.done() ? 10 : input_.byte()});
    }
  }

  Loop& loop_;
  Input input_;
  Handle<uv_udp_t> udp_;
  Handle<uv_tcp_t> tcp_;
  std::uint16_t port_ = 0;
  std::vector<std::unique_ptr<DnsStream>> streams_;
};

}  // namespace starling::fuzz
