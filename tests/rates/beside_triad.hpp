// SPDX-License-Identifier: BSD-3-Clause
// A table of kernels, each measured beside a triad over as many bytes.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <Kokkos_Core.hpp>

#include "base/device.hpp"
#include "bench/statistics.hpp"
#include "kernels/fill.hpp"

namespace tidemark::rates {

inline double seconds_of(const Device& device, const std::function<void()>& work) {
  device.fence();
  const auto begin = std::chrono::steady_clock::now();
  work();
  device.fence();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

/// Memory of one matrix with small random numbers.
template <class T>
class Storage {
 public:
  Storage(Device& device, std::int64_t rows, std::int64_t columns)
      : memory_("kernel_rates", static_cast<std::size_t>(rows * columns)),
        matrix_(memory_.data(), static_cast<std::size_t>(rows), static_cast<std::size_t>(columns)) {
    if constexpr (!std::is_same_v<T, std::uint8_t>) refill(device);
  }
  /// Some kernels shrink what they work on. After many calls it would be denormal.
  void refill(Device& device) const {
    kernels::fill_uniform(device, matrix_, philox::Key{}, {0, 0, num_columns(matrix_)}, 0.0, 1.0);
  }
  [[nodiscard]] const Matrix<T>& matrix() const { return matrix_; }
  [[nodiscard]] Vector<T> vector() const { return as_vector(matrix_); }

 private:
  Kokkos::View<T*, MemorySpace> memory_;
  Matrix<T> matrix_;
};

/// a = b + c x over three arrays of doubles with `bytes` bytes in all.
class Triad {
 public:
  Triad(Device& device, std::int64_t bytes)
      : device_(device),
        a_(device, 1, bytes / 24),
        b_(device, 1, bytes / 24),
        c_(device, 1, bytes / 24) {}
  void run() const {
    const Vector<double> a = a_.vector();
    const Vector<double> b = b_.vector();
    const Vector<double> c = c_.vector();
    Kokkos::parallel_for(
        "triad", Kokkos::RangePolicy<ExecutionSpace>(*device_.exec, 0, a.extent(0)),
        KOKKOS_LAMBDA(const std::size_t i) { a(i) = b(i) + 0.5 * c(i); });
  }

 private:
  Device& device_;
  Storage<double> a_, b_, c_;
};

class Table {
 public:
  Table(Device& device, std::string_view precision, int rounds)
      : device_(device), precision_(precision), rounds_(rounds) {
    std::printf("%-28s %-9s %9s %8s %9s\n", "kernel", "precision", "MB", "GB/s", "of triad");
  }
  /// Measures `work`, which moves `bytes` bytes at least. `prepare` runs before it, off the clock.
  void add(
      const char* name, std::int64_t bytes, const std::function<void()>& work,
      const std::function<void()>& prepare = [] {}) {
    const Triad triad(device_, bytes);
    std::vector<double> rates;
    std::vector<double> ratios;
    work();
    triad.run();
    for (int round = 0; round < rounds_; ++round) {
      prepare();  // before the triad, which moves everything else out of the caches
      const double beside = seconds_of(device_, [&] { triad.run(); });
      const double own = seconds_of(device_, work);
      rates.push_back(static_cast<double>(bytes) / own * 1e-9);
      ratios.push_back(beside / own);
    }
    std::printf("%-28s %-9s %9.1f %8.1f %9.2f\n", name, precision_.c_str(),
                static_cast<double>(bytes) * 1e-6, bench::median_of(rates),
                bench::median_of(ratios));
    std::fflush(stdout);
  }

 private:
  Device& device_;
  std::string precision_;
  int rounds_;
};

}  // namespace tidemark::rates
