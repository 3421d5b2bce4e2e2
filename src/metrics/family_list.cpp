#include "metrics/family_list.hpp"

#include <chrono>
#include <limits>

namespace starling::metrics {

using prometheus::ClientMetric;
using prometheus::MetricType;

prometheus::MetricFamily& FamilyList::begin(std::string_view name, std::string_view help, MetricType type) {
  return families_.emplace_back(prometheus::MetricFamily{std::string(name), std::string(help), type, {}});
}

void FamilyList::counter(std::string_view name, std::string_view help) {
  begin(name, help, MetricType::Counter);
}

void FamilyList::gauge(std::string_view name, std::string_view help) {
  begin(name, help, MetricType::Gauge);
}

void FamilyList::add(Labels labels, double value) {
  prometheus::MetricFamily& family = families_.back();
  ClientMetric& metric = family.metric.emplace_back();
  metric.label.reserve(labels.size());
  for (const auto& [name, text] : labels) metric.label.push_back({std::string(name), std::string(text)});
  (family.type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
}

void FamilyList::counter(std::string_view name, std::string_view help, double value) {
  counter(name, help);
  add({}, value);
}

void FamilyList::gauge(std::string_view name, std::string_view help, double value) {
  gauge(name, help);
  add({}, value);
}

void FamilyList::histogram(std::string_view name, std::string_view help, const DurationHistogram& durations) {
  const auto seconds = [](Duration duration) { return std::chrono::duration<double>(duration).count(); };
  ClientMetric metric;
  std::uint64_t count = 0;
  for (std::size_t i = 0; i < durations.counts().size(); ++i) {
    count += durations.counts()[i];
    const bool last = i == durations.bounds().size();
    metric.histogram.bucket.push_back(
        {count, last ? std::numeric_limits<double>::infinity() : seconds(durations.bounds()[i])});
  }
  metric.histogram.sample_count = count;
  metric.histogram.sample_sum = seconds(durations.sum());
  begin(name, help, MetricType::Histogram).metric.push_back(std::move(metric));
}

}  // namespace starling::metrics
