// SPDX-License-Identifier: BSD-3-Clause
#include "kernels/gemm.hpp"

#include <limits>
#include <string>

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "support/tables.hpp"

namespace tidemark::kernels {
namespace {

using support::agrees;
using support::columns_of;
using support::DeviceTable;
using support::random_table;
using support::rows_of;
using support::Table;

struct Shape {
  std::int64_t m, n, k;
};

template <class T>
double element(const Table<T>& matrix, Op op, std::int64_t row, std::int64_t column) {
  return static_cast<double>(op == Op::none ? matrix(row, column) : matrix(column, row));
}

template <class T>
Table<double> naive_product(Op op_a, Op op_b, double alpha, const Table<T>& a, const Table<T>& b,
                            double beta, const Table<T>& c, std::int64_t k) {
  Table<double> result(c.rows, c.columns);
  for (std::int64_t i = 0; i < c.rows; ++i) {
    for (std::int64_t j = 0; j < c.columns; ++j) {
      double sum = 0.0;
      for (std::int64_t l = 0; l < k; ++l) sum += element(a, op_a, i, l) * element(b, op_b, l, j);
      result(i, j) = alpha * sum + (beta == 0.0 ? 0.0 : beta * static_cast<double>(c(i, j)));
    }
  }
  return result;
}

template <class T>
Table<T> operand(Op op, std::int64_t rows, std::int64_t columns, std::uint32_t seed) {
  return op == Op::none ? random_table<T>(rows, columns, seed)
                        : random_table<T>(columns, rows, seed);
}

template <class T>
class Gemm : public ::testing::Test {
 protected:
  Device device_;
};
TYPED_TEST_SUITE(Gemm, support::FullPrecisions);

TYPED_TEST(Gemm, EqualsTheNaiveLoopForAllOperationsStridesAndFactors) {
  using T = TypeParam;
  const Shape shapes[] = {{1, 1, 1}, {1, 33, 7}, {33, 1, 5}, {3, 4, 1}, {17, 9, 65}, {64, 33, 32}};
  for (const Shape& s : shapes) {
    for (const Op op_a : {Op::none, Op::transpose}) {
      for (const Op op_b : {Op::none, Op::transpose}) {
        for (const std::int64_t gap : {0, 3}) {
          for (const double beta : {0.0, 1.0, -0.5}) {
            SCOPED_TRACE(::testing::Message()
                         << s.m << " x " << s.n << " x " << s.k << ' ' << static_cast<char>(op_a)
                         << static_cast<char>(op_b) << " gap " << gap << " beta " << beta);
            const auto a = operand<T>(op_a, s.m, s.k, 1), b = operand<T>(op_b, s.k, s.n, 2);
            const auto c = random_table<T>(s.m, s.n, 3);
            const DeviceTable<T> result(c, gap);
            gemm(this->device_, op_a, op_b, T(1.5), DeviceTable<T>(a, 2 * gap).view(),
                 DeviceTable<T>(b, gap).view(), static_cast<T>(beta), result.view());
            this->device_.fence();
            EXPECT_TRUE(agrees(result.read(), naive_product(op_a, op_b, 1.5, a, b, beta, c, s.k)));
            EXPECT_TRUE(result.gap_is_untouched());
          }
        }
      }
    }
  }
}

// Members are interleaved by columns, like heads in their tokens, and by rows, like the scores of
// heads.
TYPED_TEST(Gemm, ABatchIsItsMembersOneByOne) {
  using T = TypeParam;
  constexpr std::int64_t m = 5, n = 4, k = 3, count = 3;
  for (const Op op_a : {Op::none, Op::transpose}) {
    const std::int64_t rows_a = op_a == Op::none ? m : k, columns_a = op_a == Op::none ? k : m;
    const auto a = random_table<T>(rows_a, count * columns_a, 1), b = random_table<T>(k, n, 2);
    const auto before = random_table<T>(count * (m + 1), n, 3);
    const DeviceTable<T> c(before, 2);
    const DeviceTable<T> of_a(a), of_b(b);
    this->device_.gemm_flops = 0;
    gemm_batch<T, T>(this->device_, op_a, Op::none, T(1.5),
                     {columns(of_a.view(), 0, columns_a), count, columns_a},
                     {of_b.view(), count, 0},  // one for all members
                     T(0.5), {rows(c.view(), 0, m), count, (m + 1) * (n + 2)});
    this->device_.fence();
    for (std::int64_t i = 0; i < count; ++i) {
      EXPECT_TRUE(agrees(rows_of(c.read(), i * (m + 1), m),
                         naive_product(op_a, Op::none, 1.5, columns_of(a, i * columns_a, columns_a),
                                       b, 0.5, rows_of(before, i * (m + 1), m), k)));
      EXPECT_EQ(c.read()(i * (m + 1) + m, 0), before(i * (m + 1) + m, 0)) << "between members";
    }
    EXPECT_TRUE(c.gap_is_untouched());
    EXPECT_EQ(this->device_.gemm_flops, 2U * count * m * n * k);
  }
}

TYPED_TEST(Gemm, RefusesBatchesOfDifferentSizes) {
  using T = TypeParam;
  const DeviceTable<T> a(4, 2, T(1)), c(4, 2, T(0));
  EXPECT_THROW(
      (gemm_batch<T, T>(this->device_, Op::none, Op::none, T(1), batch_in(a.view().data(), 2, 2, 2),
                        rows(a.view(), 0, 2), T(0), batch_in(c.view().data(), 2, 2, 2))),
      BrokenInvariant);
  EXPECT_EQ(this->device_.gemm_flops, 0U);
}

// Memory from the pool holds the values of an earlier tensor.
TYPED_TEST(Gemm, BetaZeroDoesNotReadTheResult) {
  using T = TypeParam;
  for (const std::int64_t size : {1, 5, 64}) {
    const auto a = random_table<T>(size, size, 1), b = random_table<T>(size, size, 2);
    const DeviceTable<T> c(size, size, std::numeric_limits<T>::quiet_NaN());
    gemm(this->device_, Op::none, Op::none, T(1), DeviceTable<T>(a).view(),
         DeviceTable<T>(b).view(), T(0), c.view());
    this->device_.fence();
    EXPECT_TRUE(agrees(
        c.read(), naive_product(Op::none, Op::none, 1.0, a, b, 0.0, Table<T>(size, size), size)));
  }
}

TYPED_TEST(Gemm, CountsTwoOperationsAMultiplyAdd) {
  using T = TypeParam;
  const DeviceTable<T> a(3, 5, T(1)), b(7, 5, T(1)), c(3, 7, T(0));
  gemm(this->device_, Op::none, Op::transpose, T(1), a.view(), b.view(), T(0), c.view());
  EXPECT_EQ(this->device_.gemm_flops, 2U * 3 * 5 * 7);
  gemm(this->device_, Op::none, Op::none, T(1), c.view(), b.view(), T(0), a.view());
  EXPECT_EQ(this->device_.gemm_flops, 4U * 3 * 5 * 7);
  this->device_.fence();
}

TYPED_TEST(Gemm, RefusesShapesThatDoNotFit) {
  using T = TypeParam;
  const DeviceTable<T> a(3, 5, T(1)), b(5, 7, T(1)), c(3, 7, T(9));
  const DeviceTable<T> narrow(3, 6, T(0)), low(2, 7, T(0)), deeper(6, 7, T(1));
  const auto multiply = [&](Op op_a, Op op_b, const Matrix<T>& into) {
    gemm(this->device_, op_a, op_b, T(1), a.view(), b.view(), T(0), into);
  };
  EXPECT_THROW(multiply(Op::transpose, Op::none, c.view()), BrokenInvariant);
  EXPECT_THROW(multiply(Op::none, Op::transpose, c.view()), BrokenInvariant);
  EXPECT_THROW(multiply(Op::none, Op::none, narrow.view()), BrokenInvariant);
  EXPECT_THROW(multiply(Op::none, Op::none, low.view()), BrokenInvariant);
  EXPECT_THROW(
      gemm(this->device_, Op::none, Op::none, T(1), a.view(), deeper.view(), T(0), c.view()),
      BrokenInvariant);
  EXPECT_EQ(this->device_.gemm_flops, 0U);
  try {
    multiply(Op::transpose, Op::none, c.view());
  } catch (const BrokenInvariant& error) {
    EXPECT_NE(std::string(error.what()).find("[3, 5]^T and [5, 7] into [3, 7]"), std::string::npos)
        << error.what();
  }
  EXPECT_NO_THROW(multiply(Op::none, Op::none, c.view()));
  this->device_.fence();
}

TEST(Blas, SaysWhatItIs) { EXPECT_FALSE(blas_description().empty()); }

}  // namespace
}  // namespace tidemark::kernels
