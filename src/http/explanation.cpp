#include "http/explanation.hpp"

#include <fmt/format.h>

#include <iterator>

#include "base/json_text.hpp"

namespace starling::http {

void append_explanation(std::string& out, const Decision& decision, const Explained& about) {
  const auto append = std::back_inserter(out);
  fmt::format_to(append, R"({{"allowed":{},"learned":{},"truncated":{},"failed":{},"domain":)",
                 decision.allowed, decision.learned, decision.truncated, about.failed);
  append_json_string(out, about.domain);
  out += R"(,"entries":{)";
  for (std::size_t i = 0; i < about.entries.size(); ++i) {
    if (i > 0) out += ',';
    append_json_string(out, about.entries[i].key);
    out += ':';
    append_json_string(out, about.entries[i].value);
  }
  out += R"(},"node":)";
  append_json_string(out, about.node_name);
  out += R"(,"limits":[)";
  bool first = true;
  for (const LimitStatus& limit : decision.limits) {
    out += first ? R"({"rule":)" : R"(,{"rule":)";
    first = false;
    append_json_string(out, limit.rule);
    fmt::format_to(append,
                   R"(,"source":"{}","hits":{},"unlimited":{},"limit":{},"window_s":{},"window_id":{},)"
                   R"("used":{},"remaining":{},"reset_ms":{},"allowed":{},"denial":"{}","enforced":{},)"
                   R"("contradiction":{},"counted":{}}})",
                   name(limit.source), limit.hits, limit.unlimited, limit.limit, limit.window_s,
                   limit.window_id, limit.used, limit.remaining, limit.reset_ms, limit.allowed,
                   name(limit.denial), limit.enforced, limit.contradiction, limit.counted);
  }
  out += "]}";
}

}  // namespace starling::http
