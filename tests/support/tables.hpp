// SPDX-License-Identifier: BSD-3-Clause
// Matrices for tests: on the host for computing, on the device for kernels.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/device.hpp"

namespace tidemark::support {

/// Row-major matrix [rows, columns] in host memory.
template <class T>
struct Table {
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::vector<T> values;

  Table() = default;
  Table(std::int64_t row_count, std::int64_t column_count, T value = T(0.0F))
      : rows(row_count),
        columns(column_count),
        values(static_cast<std::size_t>(row_count * column_count), value) {}

  T& operator()(std::int64_t row, std::int64_t column) { return values[index(row, column)]; }
  const T& operator()(std::int64_t row, std::int64_t column) const {
    return values[index(row, column)];
  }

 private:
  [[nodiscard]] std::size_t index(std::int64_t row, std::int64_t column) const {
    return static_cast<std::size_t>(row * columns + column);
  }
};

/// A value that the memory of an earlier tensor may hold, and that no sum can remove.
template <class T>
T not_a_number() {
  return T(std::numeric_limits<Accumulate<T>>::quiet_NaN());
}

/// Uniform on +- width/2. The generator has nothing in common with that of the program.
template <class T>
Table<T> random_table(std::int64_t rows, std::int64_t columns, std::uint32_t seed,
                      double width = 2.0) {
  std::mt19937 generator(seed);
  std::uniform_real_distribution<double> uniform(-0.5 * width, 0.5 * width);
  Table<T> table(rows, columns);
  for (T& value : table.values) value = static_cast<T>(uniform(generator));
  return table;
}

/// The rows [first, first + count) of a table.
template <class T>
Table<T> rows_of(const Table<T>& table, std::int64_t first, std::int64_t count) {
  Table<T> part(count, table.columns);
  std::copy_n(table.values.begin() + first * table.columns, count * table.columns,
              part.values.begin());
  return part;
}

/// The columns [first, first + count) of a table.
template <class T>
Table<T> columns_of(const Table<T>& table, std::int64_t first, std::int64_t count) {
  Table<T> part(table.rows, count);
  for (std::int64_t i = 0; i < table.rows; ++i) {
    for (std::int64_t j = 0; j < count; ++j) part(i, j) = table(i, first + j);
  }
  return part;
}

/// A table in the device's memory, with `gap` elements between its rows. It owns the memory.
template <class T>
class DeviceTable {
 public:
  explicit DeviceTable(const Table<T>& table, std::int64_t gap = 0)
      : rows_(table.rows),
        columns_(table.columns),
        stride_(table.columns + gap),
        storage_("test table", static_cast<std::size_t>(rows_ * stride_)) {
    const auto host = Kokkos::create_mirror_view(storage_);
    for (std::int64_t i = 0; i < rows_ * stride_; ++i) host(i) = sentinel;
    for (std::int64_t i = 0; i < rows_; ++i) {
      for (std::int64_t j = 0; j < columns_; ++j) host(i * stride_ + j) = table(i, j);
    }
    Kokkos::deep_copy(storage_, host);
  }
  /// Filled with `value`, for a kernel to overwrite.
  DeviceTable(std::int64_t rows, std::int64_t columns, T value, std::int64_t gap = 0)
      : DeviceTable(Table<T>(rows, columns, value), gap) {}

  [[nodiscard]] Matrix<T> view() const {
    const Matrix<T> whole(storage_.data(), static_cast<std::size_t>(rows_),
                          static_cast<std::size_t>(stride_));
    return columns(whole, 0, columns_);
  }
  /// All elements, one after the other. Only without a gap.
  [[nodiscard]] Vector<T> vector() const { return Vector<T>(storage_.data(), storage_.extent(0)); }

  [[nodiscard]] Table<T> read() const {
    const auto host = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace(), storage_);
    Table<T> table(rows_, columns_);
    for (std::int64_t i = 0; i < rows_; ++i) {
      for (std::int64_t j = 0; j < columns_; ++j) table(i, j) = host(i * stride_ + j);
    }
    return table;
  }
  /// True while nothing was written between the rows.
  [[nodiscard]] bool gap_is_untouched() const {
    const auto host = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace(), storage_);
    for (std::int64_t i = 0; i < rows_; ++i) {
      for (std::int64_t j = columns_; j < stride_; ++j) {
        if (host(i * stride_ + j) != sentinel) return false;
      }
    }
    return true;
  }

 private:
  static constexpr T sentinel = T(77.0F);
  std::int64_t rows_;
  std::int64_t columns_;
  std::int64_t stride_;
  Kokkos::View<T*, MemorySpace> storage_;
};

/// The allowed difference between a kernel in T and the same in doubles, relative to the largest
/// element. For bfloat16 it is that of the sums, and `rounding_error` adds that of a stored result.
template <class T>
inline constexpr double tolerance = sizeof(T) == 8 ? 1e-13 : 5e-6;

/// The largest difference that rounding to T makes for a number near `exact`: half a unit in the
/// last place of bfloat16. 0 for the wider types, because their `tolerance` includes it.
template <class T>
double rounding_error(double exact) {
  if (sizeof(T) != 2 || exact == 0.0) return 0.0;
  int exponent = 0;  // |exact| = m 2^exponent, m in [1/2, 1)
  std::frexp(exact, &exponent);
  return std::ldexp(1.0, std::max(exponent, -125) - 9);
}

/// Succeeds if the error of every element is within `bound` times max(1, max |expected|), plus the
/// rounding of the expected value. Fails for every NaN.
template <class T>
::testing::AssertionResult agrees(const Table<T>& actual, const Table<double>& expected,
                                  double bound = tolerance<T>) {
  if (actual.rows != expected.rows || actual.columns != expected.columns) {
    return ::testing::AssertionFailure()
           << "shape [" << actual.rows << ", " << actual.columns << "] instead of ["
           << expected.rows << ", " << expected.columns << "]";
  }
  double scale = 1.0;
  for (const double value : expected.values) scale = std::max(scale, std::abs(value));
  for (std::int64_t i = 0; i < expected.rows; ++i) {
    for (std::int64_t j = 0; j < expected.columns; ++j) {
      const double error = std::abs(static_cast<double>(actual(i, j)) - expected(i, j));
      if (!(error <= bound * scale + rounding_error<T>(expected(i, j)))) {
        return ::testing::AssertionFailure()
               << "element (" << i << ", " << j << ") is " << actual(i, j) << " instead of "
               << expected(i, j) << "; largest " << scale;
      }
    }
  }
  return ::testing::AssertionSuccess();
}

template <class T>
Table<double> in_double(const Table<T>& table) {
  Table<double> copy(table.rows, table.columns);
  std::copy(table.values.begin(), table.values.end(), copy.values.begin());
  return copy;
}

/// sum of x_ij y_ij
template <class T, class U>
double inner_product(const Table<T>& x, const Table<U>& y) {
  double sum = 0.0;
  for (std::size_t i = 0; i < x.values.size(); ++i) {
    sum += static_cast<double>(x.values[i]) * static_cast<double>(y.values[i]);
  }
  return sum;
}

/// x + step * direction
inline Table<double> moved(const Table<double>& x, double step, const Table<double>& direction) {
  Table<double> y = x;
  for (std::size_t i = 0; i < y.values.size(); ++i) y.values[i] += step * direction.values[i];
  return y;
}

/// The element types of activations, and those of sums and products.
using Precisions = ::testing::Types<bfloat16, float, double>;
using FullPrecisions = ::testing::Types<float, double>;

/// Widths around vector lengths and around the 512 columns of a strip of column sums.
inline constexpr std::int64_t odd_widths[] = {1, 3, 4, 7, 33, 513, 1025};

}  // namespace tidemark::support
