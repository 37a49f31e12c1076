// SPDX-License-Identifier: BSD-3-Clause
// Products by plain loops, and what every library's product must do.
#pragma once

#include <cstdint>
#include <limits>

#include <gtest/gtest.h>

#include "kernels/gemm.hpp"
#include "support/tables.hpp"

namespace tidemark::support {

using kernels::Op;

struct Extents {
  std::int64_t m, n, k;
};

/// A random matrix X for which op(X) has these rows and columns.
template <class T>
Table<T> operand(Op op, std::int64_t rows, std::int64_t columns, std::uint32_t seed) {
  return op == Op::none ? random_table<T>(rows, columns, seed)
                        : random_table<T>(columns, rows, seed);
}

/// Element (row, column) of op(X).
template <class T>
double element(const Table<T>& matrix, Op op, std::int64_t row, std::int64_t column) {
  return static_cast<double>(op == Op::none ? matrix(row, column) : matrix(column, row));
}

/// alpha op(A) op(B) + beta C in doubles, by plain loops. C is not read if beta is 0.
template <class T, class C>
Table<double> naive_product(Op op_a, Op op_b, double alpha, const Table<T>& a, const Table<T>& b,
                            double beta, const Table<C>& c) {
  const std::int64_t terms = op_a == Op::none ? a.columns : a.rows;
  Table<double> result(c.rows, c.columns);
  for (std::int64_t i = 0; i < c.rows; ++i) {
    for (std::int64_t j = 0; j < c.columns; ++j) {
      double sum = 0.0;
      for (std::int64_t l = 0; l < terms; ++l) {
        sum += element(a, op_a, i, l) * element(b, op_b, l, j);
      }
      result(i, j) = alpha * sum + (beta == 0.0 ? 0.0 : beta * static_cast<double>(c(i, j)));
    }
  }
  return result;
}

/// Expects the naive product for all operations, several shapes, strides and beta.
template <class T, class C>
void expect_the_naive_product(Device& device, double alpha) {
  using F = Accumulate<T>;
  const Extents extents[] = {{1, 1, 1}, {1, 33, 7},  {33, 1, 5},
                             {3, 4, 1}, {17, 9, 65}, {64, 33, 32}};
  for (const Extents& e : extents) {
    for (const Op op_a : {Op::none, Op::transpose}) {
      for (const Op op_b : {Op::none, Op::transpose}) {
        for (const std::int64_t gap : {0, 3}) {
          for (const double beta : {0.0, 1.0, -0.5}) {
            SCOPED_TRACE(::testing::Message()
                         << e.m << " x " << e.n << " x " << e.k << ' ' << static_cast<char>(op_a)
                         << static_cast<char>(op_b) << " gap " << gap << " beta " << beta);
            const auto a = operand<T>(op_a, e.m, e.k, 1), b = operand<T>(op_b, e.k, e.n, 2);
            const auto before = random_table<C>(e.m, e.n, 3);
            const DeviceTable<C> c(before, gap);
            kernels::gemm(device, op_a, op_b, static_cast<F>(alpha),
                          DeviceTable<T>(a, 2 * gap).view(), DeviceTable<T>(b, gap).view(),
                          static_cast<F>(beta), c.view());
            device.fence();
            EXPECT_TRUE(agrees(c.read(), naive_product(op_a, op_b, alpha, a, b, beta, before)));
            EXPECT_TRUE(c.gap_is_untouched());
          }
        }
      }
    }
  }
}

/// Expects that a batch is its members one by one. Members are interleaved by columns, like heads
/// in their tokens, and by rows, like the scores of heads. One B serves all of them.
template <class T, class C>
void expect_a_batch_of_products(Device& device, double alpha, double beta) {
  using F = Accumulate<T>;
  constexpr std::int64_t m = 5, n = 4, k = 3, count = 3;
  for (const Op op_a : {Op::none, Op::transpose}) {
    const std::int64_t rows_a = op_a == Op::none ? m : k, columns_a = op_a == Op::none ? k : m;
    const auto a = random_table<T>(rows_a, count * columns_a, 1), b = random_table<T>(k, n, 2);
    const auto before = random_table<C>(count * (m + 1), n, 3);
    const DeviceTable<C> c(before, 2);
    const DeviceTable<T> of_a(a), of_b(b);
    device.gemm_flops = 0;
    kernels::gemm_batch<T, C>(device, op_a, Op::none, static_cast<F>(alpha),
                              {columns(of_a.view(), 0, columns_a), count, columns_a},
                              {of_b.view(), count, 0}, static_cast<F>(beta),
                              {rows(c.view(), 0, m), count, (m + 1) * (n + 2)});
    device.fence();
    for (std::int64_t i = 0; i < count; ++i) {
      EXPECT_TRUE(
          agrees(rows_of(c.read(), i * (m + 1), m),
                 naive_product(op_a, Op::none, alpha, columns_of(a, i * columns_a, columns_a), b,
                               beta, rows_of(before, i * (m + 1), m))));
      EXPECT_EQ(c.read()(i * (m + 1) + m, 0), before(i * (m + 1) + m, 0)) << "between members";
    }
    EXPECT_TRUE(c.gap_is_untouched());
    EXPECT_EQ(device.gemm_flops, 2U * count * m * n * k);
  }
}

/// Expects that beta 0 does not read C. Memory from the pool holds the values of an earlier tensor.
template <class T, class C>
void expect_that_beta_zero_reads_nothing(Device& device) {
  using F = Accumulate<T>;
  for (const std::int64_t size : {1, 5, 64}) {
    const auto a = random_table<T>(size, size, 1), b = random_table<T>(size, size, 2);
    const DeviceTable<C> c(size, size, std::numeric_limits<C>::quiet_NaN());
    kernels::gemm(device, Op::none, Op::none, F(1), DeviceTable<T>(a).view(),
                  DeviceTable<T>(b).view(), F(0), c.view());
    device.fence();
    EXPECT_TRUE(
        agrees(c.read(), naive_product(Op::none, Op::none, 1.0, a, b, 0.0, Table<C>(size, size))));
  }
}

}  // namespace tidemark::support
