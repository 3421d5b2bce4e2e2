#include "http/denial_body.hpp"

#include <fmt/format.h>

#include <array>
#include <cstring>
#include <iterator>
#include <string>

#include "base/json_text.hpp"
#include "frontend/rate_limit_headers.hpp"
#include "http/accept.hpp"

namespace starling::http {
namespace {

constexpr std::array offers{
    MediaType{"application", "json"},
    MediaType{"application", "problem+json"},
    MediaType{"text", "plain"},
};

constexpr std::string_view spinnaker_message = "Rate capacity exceeded";

bool more_welcome(const Welcome& a, const Welcome& b) {
  return a.quality != b.quality ? a.quality > b.quality : a.specificity > b.specificity;
}

constexpr HeaderName content_type("Content-Type");

/// Digits and ASCII letters only, so that it is JSON as it is.
void append_reason(std::string& out, const DenialBody& how, const Decision& decision,
                   const LimitStatus* tightest) {
  if (how.as_spinnaker) {
    out += spinnaker_message;
    return;
  }
  if (tightest == nullptr) {
    out += "rate limit exceeded";
    return;
  }
  // Put together here and appended at once. fmt::format_to took a tenth of all instructions of a denial, and
  // seven appends half of that.
  constexpr std::size_t digits_max = 20;
  constexpr std::string_view words = "rate limit exceeded:  per  s; retry in  s";
  std::array<char, words.size() + 3 * digits_max> text;
  char* end = text.data();
  const auto put = [&](std::string_view part) {
    std::memcpy(end, part.data(), part.size());
    end += part.size();
  };
  const auto put_number = [&](std::uint64_t number) {
    const fmt::format_int digits(number);
    put({digits.data(), digits.size()});
  };
  put("rate limit exceeded: ");
  put_number(tightest->limit);
  put(" per ");
  put_number(tightest->window_s);
  put(" s; retry in ");
  put_number(retry_after_s(decision));
  put(" s");
  out.append(text.data(), static_cast<std::size_t>(end - text.data()));
}

void append_violated(std::string& out, const RankedLimits& ranked, const PolicyNames& names) {
  // Whom the headers do not tell of, this does not tell of either.
  std::size_t told_count = 0;
  bool first = true;
  for (const LimitStatus* limit : ranked.all()) {
    if (told_count++ == policies_per_answer_max) return;
    if (!denies(*limit)) continue;
    if (!first) out += ',';
    first = false;
    append_json_string(out, names.of(*limit));
  }
}

}  // namespace

DenialForm choose_denial_form(std::span<const Header> headers) {
  std::array<Welcome, offers.size()> welcomes{};
  for (const Header& header : headers)
    if (equals_ignoring_case(header.name, "accept") && !read_accept(header.value, offers, welcomes))
      return DenialForm::message;
  const auto& [message, problem, text] = welcomes;
  if (problem.quality > 0 && more_welcome(problem, message)) return DenialForm::problem;
  if (text.quality > 0 && message.quality == 0) return DenialForm::text;
  return DenialForm::message;
}

void write_denial(const DenialBody& how, const Decision& decision, const RankedLimits& ranked,
                  const PolicyNames& names, Response& response) {
  std::string& out = response.body();
  const LimitStatus* tightest = ranked.tightest();
  switch (how.form) {
    case DenialForm::message:
      response.add(content_type, "application/json");
      out += R"({"message":")";
      append_reason(out, how, decision, tightest);
      out += R"("})";
      return;
    case DenialForm::problem:
      response.add_header("Content-Type", "application/problem+json");
      fmt::format_to(std::back_inserter(out),
                     R"({{"type":"https://iana.org/assignments/http-problem-types#quota-exceeded",)"
                     R"("title":"The request exceeds its quota","status":{},"detail":")",
                     response.status());
      append_reason(out, how, decision, tightest);
      out += R"(","violated-policies":[)";
      append_violated(out, ranked, names);
      out += "]}";
      return;
    case DenialForm::text:
      response.add_header("Content-Type", "text/plain; charset=utf-8");
      append_reason(out, how, decision, tightest);
      out += '\n';
      return;
  }
}

}  // namespace starling::http
