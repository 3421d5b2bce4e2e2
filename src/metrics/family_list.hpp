/// Metric families in the making: what prometheus-cpp wants, said in fewer words.
#pragma once

#include <prometheus/metric_family.h>

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/duration_histogram.hpp"

namespace starling::metrics {

/// A label's name, and its value: valid UTF-8 (`label_text` makes it so).
using Label = std::pair<std::string_view, std::string_view>;
using Labels = std::initializer_list<Label>;

class FamilyList {
 public:
  /// What follows belongs to this family. Names and helps are static text on one line.
  void counter(std::string_view name, std::string_view help);
  void gauge(std::string_view name, std::string_view help);

  /// One series of the family.
  void add(Labels labels, double value);
  void add(Labels labels, std::uint64_t value) { add(labels, static_cast<double>(value)); }

  // Families of one series without labels.
  void counter(std::string_view name, std::string_view help, double value);
  void gauge(std::string_view name, std::string_view help, double value);
  /// In seconds.
  void histogram(std::string_view name, std::string_view help, const DurationHistogram& durations);

  const std::vector<prometheus::MetricFamily>& families() const { return families_; }

 private:
  prometheus::MetricFamily& begin(std::string_view name, std::string_view help, prometheus::MetricType type);

  std::vector<prometheus::MetricFamily> families_;
};

}  // namespace starling::metrics
