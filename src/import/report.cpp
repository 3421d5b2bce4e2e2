#include "import/report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/visible_text.hpp"

namespace starling {
namespace {

template <class T>
bool in_file_order(const T& a, const T& b) {
  return std::pair(a.place.line, a.place.column) < std::pair(b.place.line, b.place.column);
}

/// One line for people, whatever of the file is in it.
std::string visible(std::string_view message) {
  std::string out;
  append_visible(out, message);
  return out;
}

}  // namespace

void ImportReport::error(Place place, std::string_view message) {
  ++errors_count_;
  if (errors_.size() < import_errors_max) errors_.push_back(ImportError{place, visible(message)});
}

void ImportReport::not_carried(Place place, std::string_view message) {
  note(ImportNote{ImportNote::Kind::not_carried, place, visible(message)});
}

void ImportReport::remark(Place place, std::string_view message) {
  note(ImportNote{ImportNote::Kind::remark, place, visible(message)});
}

void ImportReport::note(ImportNote note) {
  if (notes_.size() < import_notes_max) return notes_.push_back(std::move(note));
  ++notes_untold_;
  if (note.kind == ImportNote::Kind::not_carried) ++not_carried_untold_;
}

std::vector<ImportError> ImportReport::take_errors() {
  std::stable_sort(errors_.begin(), errors_.end(), in_file_order<ImportError>);
  if (errors_count_ > errors_.size())
    errors_.push_back(
        ImportError{Place{}, fmt::format("and {} more errors", errors_count_ - errors_.size())});
  errors_count_ = 0;
  return std::exchange(errors_, {});
}

std::vector<ImportNote> ImportReport::take_notes() {
  std::stable_sort(notes_.begin(), notes_.end(), in_file_order<ImportNote>);
  if (notes_untold_ > 0) {
    const auto kind = not_carried_untold_ > 0 ? ImportNote::Kind::not_carried : ImportNote::Kind::remark;
    notes_.push_back(ImportNote{
        kind, Place{},
        fmt::format(
            "and {} more notes, {} of them about what was not carried over; split the file to see them",
            notes_untold_, not_carried_untold_)});
  }
  notes_untold_ = 0;
  not_carried_untold_ = 0;
  return std::exchange(notes_, {});
}

}  // namespace starling
