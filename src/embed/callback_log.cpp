#include "embed/callback_log.hpp"

#include <spdlog/sinks/sink.h>

#include <array>
#include <memory>
#include <utility>

namespace starling::embed {
namespace {

LogLevel level_of(spdlog::level::level_enum level) {
  switch (level) {
    case spdlog::level::trace:
      return LogLevel::trace;
    case spdlog::level::debug:
      return LogLevel::debug;
    case spdlog::level::info:
      return LogLevel::info;
    case spdlog::level::warn:
      return LogLevel::warn;
    default:
      return LogLevel::error;
  }
}

class CallbackSink final : public spdlog::sinks::sink {
 public:
  explicit CallbackSink(std::function<void(LogLevel, std::string_view)> take) : take_(std::move(take)) {}

  void log(const spdlog::details::log_msg& message) override {
    try {
      take_(level_of(message.level), std::string_view(message.payload.data(), message.payload.size()));
    } catch (...) {  // as documented: spdlog would write about it to stderr, which is not ours
    }
  }
  void flush() override {}
  void set_pattern(const std::string&) override {}
  void set_formatter(std::unique_ptr<spdlog::formatter>) override {}

 private:
  std::function<void(LogLevel, std::string_view)> take_;
};

}  // namespace

Log make_callback_log(std::function<void(LogLevel, std::string_view)> take, LogLevel level) {
  constexpr std::array levels{spdlog::level::trace, spdlog::level::debug, spdlog::level::info,
                              spdlog::level::warn, spdlog::level::err};
  if (!take) {
    auto silent = std::make_shared<spdlog::logger>("starling");
    silent->set_level(spdlog::level::off);
    return silent;
  }
  auto log = std::make_shared<spdlog::logger>("starling", std::make_shared<CallbackSink>(std::move(take)));
  log->set_level(levels[static_cast<std::size_t>(level)]);
  log->flush_on(spdlog::level::off);
  return log;
}

}  // namespace starling::embed
