// SPDX-License-Identifier: BSD-3-Clause
#include "bench/case/ceiling.hpp"

#include <algorithm>
#include <array>

#include "base/accelerator.hpp"
#include "base/stopwatch.hpp"
#include "kernels/register_loop.hpp"
#include "theory/device_peak.hpp"

namespace tidemark::bench {

namespace {

// 1e6 rounds of 12 operations on two units take about 2 ms.
constexpr std::int64_t rounds = 1'000'000;
constexpr double least_seconds = 0.02;

std::optional<double> device_peak(const config::Case& c) {
  const std::optional<DeviceClock> clock = accelerator::clock();
  return clock ? theory::device_peak_gflops(*clock, c) : std::nullopt;
}

}  // namespace

Ceiling::Ceiling(const config::Case& c, comm::Communicator& communicator)
    : dtype_(c.precision), communicator_(communicator), gflops_(device_peak(c)) {}

void Ceiling::measure() {
  if (!kernels::has_register_loop(dtype_)) return;
  communicator_.barrier();
  const Stopwatch watch;
  double operations = 0.0;
  do {
    operations += kernels::run_register_loop(dtype_, rounds);
  } while (watch.seconds() < least_seconds);
  // The best measurement counts, because other work on the cores only lowers a rate.
  gflops_ = std::max(gflops_.value_or(0.0), operations / watch.seconds() * 1e-9);
}

std::optional<double> Ceiling::mean_gflops() const {
  std::array<double, 2> sums{gflops_ ? 1.0 : 0.0, gflops_.value_or(0.0)};
  communicator_.sum_over_ranks(sums);
  const double ranks = communicator_.size();
  if (sums[0] < ranks) return std::nullopt;
  return sums[1] / ranks;
}

}  // namespace tidemark::bench
