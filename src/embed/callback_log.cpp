#include "embed/callback_log.hpp"

#include <memory>
#include <string>
#include <utility>

#include "node/log_line.hpp"

namespace starling::embed {
namespace {

// The public levels are those inside, in the same order.
static_assert(static_cast<int>(LogLevel::trace) == static_cast<int>(starling::LogLevel::trace));
static_assert(static_cast<int>(LogLevel::error) == static_cast<int>(starling::LogLevel::error));

class CallbackSink final : public LogSink {
 public:
  explicit CallbackSink(std::function<void(LogLevel, std::string_view)> take) : take_(std::move(take)) {}

  void take(const LogRecord& record) override {
    std::string line;
    append_message(line, record);
    try {
      take_(static_cast<LogLevel>(record.level), line);
    } catch (...) {  // as documented: the node goes on
    }
  }

 private:
  std::function<void(LogLevel, std::string_view)> take_;
};

}  // namespace

Log make_callback_log(std::function<void(LogLevel, std::string_view)> take, LogLevel level) {
  std::unique_ptr<LogSink> sink;
  if (take) sink = std::make_unique<CallbackSink>(std::move(take));
  return std::make_shared<Logger>(std::move(sink), static_cast<starling::LogLevel>(level));
}

}  // namespace starling::embed
