#include "talk.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace starling::load {
namespace {

constexpr std::string_view placeholder = "-0000";

class HttpTalk final : public Talk {
 public:
  explicit HttpTalk(RequestTemplate& requests) : requests_(requests) {}

  void ask(std::uint32_t caller, std::string& out) override {
    answer_.clear();
    out += requests_.of(caller);
  }

  Verdict take(std::string_view bytes, std::string& /*out*/) override {
    constexpr std::string_view length_header = "\r\nContent-Length: ";
    answer_ += bytes;
    const std::size_t head_end = answer_.find("\r\n\r\n");
    if (head_end == std::string::npos) return Verdict::none;
    const std::size_t length_at = answer_.find(length_header);
    if (length_at == std::string::npos || length_at > head_end) return Verdict::broken;
    std::size_t body_bytes = 0;
    std::from_chars(answer_.data() + length_at + length_header.size(), answer_.data() + head_end, body_bytes);
    if (answer_.size() < head_end + 4 + body_bytes) return Verdict::none;
    const std::size_t close_at = answer_.find("\r\nConnection: close\r\n");
    open_for_more_ = close_at == std::string::npos || close_at > head_end;
    const std::string_view status = std::string_view(answer_).substr(0, 13);
    if (status == "HTTP/1.1 200 ") return Verdict::allowed;
    return status == "HTTP/1.1 429 " ? Verdict::denied : Verdict::failed;
  }

  std::string_view last_answer() const override { return answer_; }
  bool open_for_more() const override { return open_for_more_; }

 private:
  RequestTemplate& requests_;
  std::string answer_;
  bool open_for_more_ = true;
};

class RedisTalk final : public Talk {
 public:
  explicit RedisTalk(RequestTemplate& requests) : requests_(requests) {}

  void ask(std::uint32_t caller, std::string& out) override {
    answer_.clear();
    out += requests_.of(caller);
  }

  Verdict take(std::string_view bytes, std::string& /*out*/) override {
    answer_ += bytes;
    if (!answer_.ends_with("\r\n")) return Verdict::none;
    return answer_.starts_with(':') ? Verdict::allowed : Verdict::failed;
  }

  std::string_view last_answer() const override { return answer_; }

 private:
  RequestTemplate& requests_;
  std::string answer_;
};

}  // namespace

RequestTemplate::RequestTemplate(std::string bytes)
    : bytes_(std::move(bytes)), digits_at_(bytes_.find(placeholder)) {
  if (digits_at_ != std::string::npos) ++digits_at_;
}

const std::string& RequestTemplate::of(std::uint32_t caller) {
  if (digits_at_ == std::string::npos) return bytes_;
  for (std::size_t digit = digits_at_ + 4; digit-- > digits_at_; caller /= 10)
    bytes_[digit] = static_cast<char>('0' + caller % 10);
  return bytes_;
}

std::unique_ptr<Talk> talk_http(RequestTemplate& requests) {
  return std::make_unique<HttpTalk>(requests);
}

std::unique_ptr<Talk> talk_redis(RequestTemplate& requests) {
  return std::make_unique<RedisTalk>(requests);
}

}  // namespace starling::load
