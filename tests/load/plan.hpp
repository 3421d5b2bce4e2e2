/// What is due when, to whom and for whom: drawn beforehand from a seed, so that no answer has a say in it.
///
/// A plan is a list of phases. Each begins with some requests at once and goes on at a steady rate; the gaps
/// are exponential, as those between callers who know nothing of each other.
#pragma once

#include <cstdint>
#include <optional>
#include <random>
#include <string_view>
#include <vector>

namespace starling::load {

struct Phase {
  double seconds = 0;
  double rate = 0;  ///< requests per second
  std::uint64_t at_once = 0;
};

/// `SECONDS:RATE` or `SECONDS:RATE:AT_ONCE`.
std::optional<Phase> read_phase(std::string_view text);

struct Due {
  std::int64_t at_ns = 0;  ///< after the start
  std::uint32_t target = 0;
  std::uint32_t caller = 0;
};

class Plan {
 public:
  struct Options {
    std::vector<Phase> phases;
    std::vector<double> weights;  ///< of the targets
    std::uint32_t callers = 1;
    double zipf = 0;  ///< exponent: caller k asks in proportion to 1/(k+1)^zipf; 0: all in turn
  };
  explicit Plan(Options options);

  /// The next request, or none if there is none any more.
  const std::optional<Due>& next() const { return next_; }
  void advance();
  std::int64_t end_ns() const { return end_ns_; }

 private:
  std::uint32_t draw_caller();

  Options options_;
  std::mt19937_64 random_{1};
  std::exponential_distribution<double> gap_{1};
  std::uniform_real_distribution<double> share_{0, 1};
  std::discrete_distribution<std::uint32_t> target_;
  std::vector<double> callers_up_to_;  ///< cumulative shares
  std::uint32_t caller_ = 0;
  std::size_t phase_ = 0;
  std::uint64_t at_once_left_ = 0;
  double phase_starts_ns_ = 0;
  double at_ns_ = 0;
  std::int64_t end_ns_ = 0;
  std::optional<Due> next_;
};

}  // namespace starling::load
