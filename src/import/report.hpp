/// What an import has to say to a person: what could not be carried over, what differs, and what is wrong.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "limiter/rules.hpp"

namespace starling {

/// From 1; line 0 is the file as a whole.
struct Place {
  int line = 0;
  int column = 0;

  friend bool operator==(const Place&, const Place&) = default;
};

struct ImportError {
  Place place;
  std::string message;  ///< expected, found, what to do
};

struct ImportNote {
  enum class Kind : std::uint8_t {
    not_carried,  ///< what the file says is missing in the rules
    remark,       ///< carried, but read it: it behaves a little differently, or had no effect there either
  };
  Kind kind = Kind::remark;
  Place place;
  std::string message;
};

constexpr std::string_view name(ImportNote::Kind kind) {
  return kind == ImportNote::Kind::not_carried ? "not carried over" : "note";
}

inline constexpr std::size_t import_notes_max = 1'000;
inline constexpr std::size_t import_errors_max = 100;

/// Collects while a file is read. Beyond the bounds only counts: what is not told is still told as a number.
class ImportReport {
 public:
  void error(Place place, std::string_view message);
  void not_carried(Place place, std::string_view message);
  void remark(Place place, std::string_view message);

  bool has_errors() const { return errors_count_ > 0; }
  /// Both in the order of the file.
  std::vector<ImportError> take_errors();
  std::vector<ImportNote> take_notes();

 private:
  void note(ImportNote note);

  std::vector<ImportError> errors_;
  std::vector<ImportNote> notes_;
  std::size_t errors_count_ = 0;
  std::size_t notes_untold_ = 0;
  std::size_t not_carried_untold_ = 0;
};

struct Imported {
  RuleSet rules;
  std::vector<ImportNote> notes;
  std::vector<std::string> explanation;  ///< lines for the top of the native file: how to read what follows
};

}  // namespace starling
