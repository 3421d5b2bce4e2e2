// The least an HTTP check could cost: llhttp and libuv, and the same bytes for every request. The answer is
// one that the node gave, headers and all, so that both sides send as much.
#include <llhttp.h>

#include "bare_server.hpp"

namespace {

class HttpSession {
 public:
  explicit HttpSession(const std::string& answer) : answer_(answer) {
    llhttp_init(&parser_, HTTP_REQUEST, &settings());
    parser_.data = this;
  }

  bool on_bytes(std::string_view bytes, std::string& out) {
    out_ = &out;
    return llhttp_execute(&parser_, bytes.data(), bytes.size()) == HPE_OK;
  }

 private:
  static const llhttp_settings_t& settings() {
    static const llhttp_settings_t instance = [] {
      llhttp_settings_t made{};
      llhttp_settings_init(&made);
      made.on_message_complete = [](llhttp_t* parser) {
        auto& self = *static_cast<HttpSession*>(parser->data);
        self.out_->append(self.answer_);
        return 0;
      };
      return made;
    }();
    return instance;
  }

  const std::string& answer_;
  std::string* out_ = nullptr;
  llhttp_t parser_{};
};

}  // namespace

int main(int argc, char** argv) {
  return starling::bench::run_bare_server<HttpSession>(argc, argv);
}
