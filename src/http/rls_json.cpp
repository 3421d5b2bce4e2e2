#include "http/rls_json.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/json_text.hpp"
#include "base/shown_text.hpp"
#include "frontend/rls_unit.hpp"

namespace starling::http {
namespace {

using Json = nlohmann::json;

/// Where in the message: these and nothing else can be open.
enum class At : std::uint8_t { outside, request, descriptors, descriptor, entries, entry, limit, done };

enum class Field : std::uint8_t {
  domain,
  descriptors,
  hits_addend,
  entries,
  limit,
  own_hits,
  gives_back,
  key,
  value,
  requests_per_unit,
  unit,
};

struct FieldRow {
  At in;
  Field field;
  std::string_view snake;
  std::string_view camel;
  std::string_view wanted;
};

constexpr std::string_view uint32_text = "a whole number from 0 to 4294967295";

constexpr std::array fields{
    FieldRow{At::request, Field::domain, "domain", "domain", "a string"},
    FieldRow{At::request, Field::descriptors, "descriptors", "descriptors", "a list"},
    FieldRow{At::request, Field::hits_addend, "hits_addend", "hitsAddend", uint32_text},
    FieldRow{At::descriptor, Field::entries, "entries", "entries", "a list"},
    FieldRow{At::descriptor, Field::limit, "limit", "limit", "an object"},
    FieldRow{At::descriptor, Field::own_hits, "hits_addend", "hitsAddend",
             "a whole number from 0 to 18446744073709551615"},
    FieldRow{At::descriptor, Field::gives_back, "is_negative_hits", "isNegativeHits", "true or false"},
    FieldRow{At::entry, Field::key, "key", "key", "a string"},
    FieldRow{At::entry, Field::value, "value", "value", "a string"},
    FieldRow{At::limit, Field::requests_per_unit, "requests_per_unit", "requestsPerUnit", uint32_text},
    FieldRow{At::limit, Field::unit, "unit", "unit",
             "SECOND, MINUTE, HOUR, DAY, MONTH, YEAR, WEEK or the number of one"},
};

std::optional<std::uint64_t> whole(double number) {
  if (!(number >= 0) || number >= 18'446'744'073'709'551'616.0 || std::trunc(number) != number) return {};
  return static_cast<std::uint64_t>(number);
}

/// The whole number that a JSON string holds; protojson takes "1e3" as well.
std::optional<std::uint64_t> whole(std::string_view text) {
  const char* const last = text.data() + text.size();
  std::uint64_t number = 0;
  if (const auto [end, error] = std::from_chars(text.data(), last, number);
      error == std::errc{} && end == last)
    return number;
  double decimal = 0;
  if (const auto [end, error] = std::from_chars(text.data(), last, decimal);
      error == std::errc{} && end == last)
    return whole(decimal);
  return {};
}

/// "line 1, column 5: syntax error while parsing value - invalid literal", without the text that was read.
std::string syntax_message(std::string_view what) {
  constexpr std::string_view introduction = "parse error at ";
  constexpr std::size_t cause_bytes_max = 200;
  const std::size_t begin = what.find(introduction);
  if (begin != std::string_view::npos) what.remove_prefix(begin + introduction.size());
  const std::size_t read = what.find("; last read");
  const std::size_t wanted = what.rfind("; expected ");
  std::string text(what.substr(0, std::min(read, cause_bytes_max)));
  if (read != std::string_view::npos && wanted != std::string_view::npos && wanted > read)
    text += what.substr(wanted, cause_bytes_max);
  return "the body: expected JSON, found none at " + text;
}

/// Walks through the message as nlohmann's parser comes upon its parts. The first error ends the walk.
class Reader final : public Json::json_sax_t {
 public:
  Reader(RlsRequest& request, std::string& arena) : request_(request), arena_(arena) {}

  std::string& error() { return error_; }

  bool null() override {
    if (!inside_object()) return expected("null");
    return true;  // the default
  }
  bool boolean(bool value) override {
    if (!inside_object() || row_->field != Field::gives_back) return expected(value ? "true" : "false");
    request_.set_gives_back(value);
    return true;
  }
  bool number_integer(number_integer_t value) override {
    if (value < 0) return expected(std::to_string(value));
    return take_number(static_cast<std::uint64_t>(value), std::to_string(value));
  }
  bool number_unsigned(number_unsigned_t value) override { return take_number(value, std::to_string(value)); }
  bool number_float(number_float_t value, const string_t& text) override {
    return take_number(whole(value), starling::shown(text));
  }
  bool string(string_t& text) override;
  bool binary(binary_t&) override { return expected("binary data"); }  // JSON has none

  bool start_object(std::size_t) override;
  bool key(string_t& name) override;
  bool end_object() override;
  bool start_array(std::size_t) override;
  bool end_array() override {
    at_ = at_ == At::entries ? At::descriptor : At::request;
    return true;
  }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception& error) override {
    error_ = syntax_message(error.what());
    return false;
  }

 private:
  bool inside_object() const {
    return at_ == At::request || at_ == At::descriptor || at_ == At::entry || at_ == At::limit;
  }
  bool take_number(std::optional<std::uint64_t> number, std::string_view found);
  std::string_view keep(std::string_view text) {  // there is room for the whole body: nothing moves
    const std::size_t begin = arena_.size();
    return std::string_view(arena_.append(text)).substr(begin);
  }

  bool fail(std::string message) {
    error_ = std::move(message);
    return false;
  }
  bool expected(std::string_view found);
  /// "descriptors[0].entries[1]", or "the body".
  std::string place() const;

  RlsRequest& request_;
  std::string& arena_;
  At at_ = At::outside;
  const FieldRow* row_ = nullptr;  ///< the field whose value comes next, inside an object
  std::array<unsigned, static_cast<std::size_t>(At::done)>
      seen_{};  ///< bits of the fields of each open object
  std::size_t descriptors_count_ = 0;
  std::size_t entries_count_ = 0;
  std::string_view key_;
  std::string_view value_;
  std::string error_;
};

std::string Reader::place() const {
  std::string text;
  if (at_ >= At::descriptors && at_ != At::done) text = "descriptors";
  if (at_ > At::descriptors) fmt::format_to(std::back_inserter(text), "[{}]", descriptors_count_ - 1);
  if (at_ == At::limit) text += ".limit";
  if (at_ == At::entries || at_ == At::entry) text += ".entries";
  if (at_ == At::entry) fmt::format_to(std::back_inserter(text), "[{}]", entries_count_ - 1);
  if (at_ == At::descriptors) fmt::format_to(std::back_inserter(text), "[{}]", descriptors_count_);
  if (at_ == At::entries) fmt::format_to(std::back_inserter(text), "[{}]", entries_count_);
  return text.empty() ? "the body" : text;
}

bool Reader::expected(std::string_view found) {
  if (!inside_object()) return fail(fmt::format("{}: expected an object, found {}", place(), found));
  const std::string in = at_ == At::request ? std::string() : place() + ".";
  return fail(fmt::format("{}{}: expected {}, found {}", in, row_->snake, row_->wanted, found));
}

bool Reader::key(string_t& name) {
  row_ = nullptr;
  for (const FieldRow& row : fields)
    if (row.in == at_ && (row.snake == name || row.camel == name)) row_ = &row;
  if (row_ == nullptr) {
    std::string known;
    for (const FieldRow& row : fields) {
      if (row.in != at_) continue;
      if (!known.empty()) known += ", ";
      known += row.snake;
    }
    return fail(
        fmt::format("{}: expected no fields but {}, found {}", place(), known, starling::quoted(name)));
  }
  unsigned& seen = seen_[static_cast<std::size_t>(at_)];
  const unsigned bit = 1U << static_cast<unsigned>(row_->field);
  if ((seen & bit) != 0)
    return fail(fmt::format("{}: {} is there twice; remove one of the two", place(), row_->snake));
  seen |= bit;
  return true;
}

bool Reader::string(string_t& text) {
  if (!inside_object()) return expected("a string");
  switch (row_->field) {
    case Field::domain:
      request_.set_domain(keep(text));
      return true;
    case Field::key:
      key_ = keep(text);
      return true;
    case Field::value:
      value_ = keep(text);
      return true;
    case Field::unit:
      if (text == name(RlsUnit::unknown)) return true;
      for (const RlsUnitRow& row : rls_units) {
        if (row.name != text) continue;
        request_.limit().unit = static_cast<std::uint32_t>(row.unit);
        return true;
      }
      return expected(starling::quoted(text));
    case Field::hits_addend:
    case Field::own_hits:
    case Field::requests_per_unit:
      return take_number(whole(text), starling::quoted(text));
    default:
      return expected("a string");
  }
}

bool Reader::take_number(std::optional<std::uint64_t> number, std::string_view found) {
  if (!inside_object()) return expected(found);
  const bool fits = number && *number <= std::numeric_limits<std::uint32_t>::max();
  const std::uint32_t small = fits ? static_cast<std::uint32_t>(*number) : 0;
  switch (row_->field) {
    case Field::hits_addend:
      request_.set_hits_addend(small);
      return fits || expected(found);
    case Field::own_hits:
      request_.hits() = number.value_or(0);
      return number || expected(found);
    case Field::requests_per_unit:
      request_.limit().requests_per_unit = small;
      return fits || expected(found);
    case Field::unit:
      request_.limit().unit = small;
      return fits || expected(found);
    default:
      return expected(found);
  }
}

bool Reader::start_object(std::size_t) {
  switch (at_) {
    case At::outside:
      at_ = At::request;
      break;
    case At::descriptors:
      at_ = At::descriptor;
      request_.begin_descriptor();
      ++descriptors_count_;
      entries_count_ = 0;
      break;
    case At::entries:
      at_ = At::entry;
      ++entries_count_;
      key_ = value_ = {};
      break;
    default:
      if (at_ != At::descriptor || row_->field != Field::limit) return expected("an object");
      at_ = At::limit;
      request_.limit();
  }
  seen_[static_cast<std::size_t>(at_)] = 0;
  return true;
}

bool Reader::end_object() {
  switch (at_) {
    case At::entry:
      request_.add_entry(key_, value_);
      at_ = At::entries;
      break;
    case At::limit:
      at_ = At::descriptor;
      break;
    case At::descriptor:
      at_ = At::descriptors;
      break;
    default:
      at_ = At::done;
  }
  return true;
}

bool Reader::start_array(std::size_t) {
  if (!inside_object()) return expected("a list");
  if (row_->field != Field::descriptors && row_->field != Field::entries) return expected("a list");
  at_ = row_->field == Field::descriptors ? At::descriptors : At::entries;
  return true;
}

void append_number(std::string& out, std::uint64_t number) {
  const fmt::format_int digits(number);
  out.append(digits.data(), digits.size());
}

void append_limit(std::string& out, const RlsStatus& status) {
  out += R"(,"currentLimit":{)";
  const std::size_t begin = out.size();
  const auto member = [&](std::string_view key) {
    if (out.size() > begin) out += ',';
    out.append(key);
  };
  if (status.requests_per_unit > 0) {
    member(R"("requestsPerUnit":)");
    append_number(out, status.requests_per_unit);
  }
  if (status.unit != RlsUnit::unknown) {
    member(R"("unit":)");
    append_json_string(out, name(status.unit));
  }
  if (!status.name.empty()) {
    member(R"("name":)");
    append_json_string(out, status.name);
  }
  out += '}';
}

void append_status(std::string& out, const RlsStatus& status) {
  out += R"({"code":)";
  append_json_string(out, name(status.code));
  if (status.has_limit) append_limit(out, status);
  if (status.remaining > 0) {
    out += R"(,"limitRemaining":)";
    append_number(out, status.remaining);
  }
  if (status.has_limit) {
    out += R"(,"durationUntilReset":")";
    append_number(out, status.reset_s);
    out += R"(s")";
  }
  out += '}';
}

}  // namespace

tl::expected<void, std::string> read_rls_json(std::string_view body, std::string& arena,
                                              RlsRequest& request) {
  if (body.empty()) return tl::unexpected<std::string>("the body: expected an object, found no body");
  arena.clear();
  arena.reserve(body.size());  // no string is longer than what it is written as
  Reader reader(request, arena);
  if (!Json::sax_parse(body.begin(), body.end(), &reader)) return tl::unexpected(std::move(reader.error()));
  return {};
}

void append_rls_json(std::string& out, const RlsAnswer& answer) {
  out += R"({"overallCode":)";
  append_json_string(out, name(answer.overall()));
  const auto list = [&out](std::string_view key, const auto& items, auto&& append) {
    if (items.empty()) return;
    out.append(key);
    for (const auto& item : items) {
      if (&item != &items.front()) out += ',';
      append(item);
    }
    out += ']';
  };
  list(R"(,"statuses":[)", answer.statuses(), [&](const RlsStatus& status) { append_status(out, status); });
  list(R"(,"responseHeadersToAdd":[)", answer.headers(), [&](const RlsHeader& header) {
    out += R"({"key":)";
    append_json_string(out, header.name);
    out += R"(,"value":)";
    append_json_string(out, header.value);
    out += '}';
  });
  out += '}';
}

}  // namespace starling::http
