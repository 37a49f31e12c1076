// SPDX-License-Identifier: BSD-3-Clause
// Operands for the tests of the products by cuBLAS.
#pragma once

#include <cstdint>
#include <vector>

#include "base/bfloat16.hpp"
#include "kernels/cublas_products.hpp"

namespace tidemark::kernels::cublas {

/// A row-major matrix of small integers, which are exact in every type, with a gap after each row.
template <class T>
struct Stored {
  Stored(std::int64_t row_count, std::int64_t column_count, std::int64_t gap, int seed)
      : rows(row_count), columns(column_count), stride(column_count + gap) {
    for (std::int64_t i = 0; i < rows * stride; ++i) {
      values.push_back(T(static_cast<float>((i * 7 + seed) % 5 - 2)));
    }
  }
  [[nodiscard]] double at(std::int64_t row, std::int64_t column) const {
    return static_cast<double>(values[static_cast<std::size_t>(row * stride + column)]);
  }
  [[nodiscard]] Operand operand(bool transposed = false) const {
    return {values.data(), dtype_of<T>, stride, transposed};
  }
  std::int64_t rows, columns, stride;
  std::vector<T> values;
};

}  // namespace tidemark::kernels::cublas
