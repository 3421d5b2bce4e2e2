#include "grpc/message_reader.hpp"

#include <algorithm>

namespace starling::grpc {

MessageReader::State MessageReader::take(std::string_view bytes, std::size_t message_bytes_max) {
  if (state_ > State::whole || bytes.empty()) return state_;
  if (state_ == State::whole) return state_ = State::too_many;
  state_ = State::partial;
  if (prefix_bytes_ < prefix_.size()) {
    const std::size_t taken = std::min(bytes.size(), prefix_.size() - prefix_bytes_);
    std::copy_n(bytes.begin(), taken, prefix_.begin() + static_cast<std::ptrdiff_t>(prefix_bytes_));
    prefix_bytes_ += taken;
    bytes.remove_prefix(taken);
    if (prefix_bytes_ < prefix_.size()) return state_;
    if (read_prefix(message_bytes_max) != State::partial) return state_;
  }
  const std::size_t taken = std::min(bytes.size(), length_ - message_.size());
  message_.append(bytes.substr(0, taken));
  if (taken < bytes.size()) return state_ = State::too_many;
  if (message_.size() == length_) state_ = State::whole;
  return state_;
}

MessageReader::State MessageReader::read_prefix(std::size_t message_bytes_max) {
  length_ = 0;
  for (std::size_t i = 1; i < prefix_.size(); ++i) length_ = length_ << 8U | prefix_[i];
  if (prefix_[0] > 1) return state_ = State::bad_flag;
  if (prefix_[0] == 1) return state_ = State::compressed;
  if (length_ > message_bytes_max) return state_ = State::too_large;
  return state_;
}

void MessageReader::reset(std::size_t kept_bytes_max) {
  state_ = State::empty;
  prefix_bytes_ = 0;
  length_ = 0;
  drop_message(kept_bytes_max);
}

void MessageReader::drop_message(std::size_t kept_bytes_max) {
  message_.clear();
  if (message_.capacity() > kept_bytes_max) message_.shrink_to_fit();
}

void write_prefix(char* prefix, std::size_t bytes) {
  prefix[0] = 0;
  for (std::size_t i = 1; i < message_prefix_bytes; ++i)
    prefix[i] = static_cast<char>(bytes >> 8U * (message_prefix_bytes - 1 - i) & 0xFFU);
}

}  // namespace starling::grpc
