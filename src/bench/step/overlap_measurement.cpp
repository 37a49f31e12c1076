// SPDX-License-Identifier: BSD-3-Clause
#include "bench/step/overlap_measurement.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/scalars.hpp"
#include "bench/statistics.hpp"
#include "bench/step/kokkos_tools.hpp"

namespace tidemark::bench {

namespace {

std::vector<double>& samples_of(OverlapSamples& samples, Variant variant) {
  switch (variant) {
    case Variant::step:
      return samples.step;
    case Variant::serial:
      return samples.serial;
    case Variant::compute_serial:
      return samples.compute_serial;
    case Variant::compute:
      return samples.compute;
    case Variant::comm:
      return samples.comm;
  }
  throw RunError("a variant of the step that has no samples");
}

}  // namespace

std::array<Variant, all_variants.size()> order_of_tuple(std::size_t number) {
  std::array<Variant, all_variants.size()> order = all_variants;
  if (number % 2 == 1) std::reverse(order.begin(), order.end());
  return order;
}

template <class T>
parallel::OverlapMode OverlapMeasurement<T>::choose_mode(const Announce& announce) {
  constexpr int rounds = 5;
  constexpr std::array modes{parallel::OverlapMode::none, parallel::OverlapMode::bulk,
                             parallel::OverlapMode::ring};
  const auto run = [&](parallel::OverlapMode mode) {
    announce(fmt::format("choosing the overlap mode: {}", word_of(parallel::setting_of(mode))));
    variants_.choose(mode);
    return slowest_ms(variants_.run(Variant::step));
  };
  for (const parallel::OverlapMode mode : modes) run(mode);
  std::vector<std::vector<double>> steps(modes.size());
  for (int round = 0; round < rounds; ++round) {
    for (std::size_t i = 0; i < modes.size(); ++i) steps[i].push_back(run(modes[i]));
  }
  const parallel::OverlapMode best = modes[surely_fastest(steps)];
  variants_.choose(best);
  return best;
}

template <class T>
void OverlapMeasurement<T>::take_untimed(const std::function<void()>& after_step) {
  for (std::size_t number = 0; number < 2; ++number) {
    for (const Variant variant : order_of_tuple(number)) {
      variants_.run(variant);
      if (variant == Variant::step) after_step();
    }
  }
}

template <class T>
void OverlapMeasurement<T>::take_tuple(const std::function<double()>& step) {
  for (const Variant variant : order_of_tuple(samples_.size())) {
    const double ms = variant == Variant::step ? step() : slowest_ms(variants_.run(variant));
    samples_of(samples_, variant).push_back(ms);
  }
  if (occupied_ms_.size() < logged_steps) observe();
}

template <class T>
bool OverlapMeasurement<T>::is_resolved() const {
  const OverlapFigures figures = overlap_of(samples_);
  return !figures.is_meaningful || figures.is_resolved;
}

template <class T>
OverlapResult OverlapMeasurement<T>::result(double polling_ms) {
  OverlapResult overlap;
  overlap.samples = samples_;
  overlap.figures = overlap_of(samples_);
  std::array<double, 2> most{median_of(occupied_ms_), polling_ms};
  communicator_.max_over_ranks(most);
  std::array<double, 1> least{median_of(intersect_ms_)};
  communicator_.min_over_ranks(least);
  overlap.timeline_exposed_ms = most[0];
  overlap.polling_ms = most[1];
  overlap.intersect_ms = least[0];
  if (const std::string tool = fencing_tool(); !tool.empty()) {
    overlap.void_because = fmt::format("{} fences every kernel", tool);
    overlap.figures.efficiency.reset();
    overlap.figures.interval.reset();
    overlap.figures.schedule_efficiency.reset();
  }
  return overlap;
}

template <class T>
double OverlapMeasurement<T>::slowest_ms(const StepTime& own) {
  std::array<double, 1> step{own.step() * 1e3};
  communicator_.max_over_ranks(step);
  return step[0];
}

template <class T>
void OverlapMeasurement<T>::observe() {
  log_.clear();
  variants_.run(Variant::step, &log_);
  occupied_ms_.push_back(occupied_seconds(log_) * 1e3);
  intersect_ms_.push_back(overlapped_seconds(log_) * 1e3);
}

TIDEMARK_INSTANTIATE_CLASS(OverlapMeasurement)

}  // namespace tidemark::bench
