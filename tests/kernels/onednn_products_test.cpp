// SPDX-License-Identifier: BSD-3-Clause
#include "kernels/onednn_products.hpp"

#include <limits>

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "kernels/gemm.hpp"
#include "support/libraries.hpp"
#include "support/tables.hpp"

namespace tidemark::kernels {
namespace {

using support::agrees;
using support::columns_of;
using support::DeviceTable;
using support::in_double;
using support::random_table;
using support::rows_of;
using support::Table;

template <class T>
Table<T> operand(Op op, std::int64_t rows, std::int64_t columns, std::uint32_t seed) {
  return op == Op::none ? random_table<T>(rows, columns, seed)
                        : random_table<T>(columns, rows, seed);
}

/// op(A) op(B) + beta C + bias in doubles, by plain loops.
template <class T, class C>
Table<double> naive(Op op_a, Op op_b, const Table<T>& a, const Table<T>& b, double beta,
                    const Table<C>& c, const Table<T>& bias) {
  Table<double> result(c.rows, c.columns);
  const std::int64_t terms = op_a == Op::none ? a.columns : a.rows;
  for (std::int64_t i = 0; i < c.rows; ++i) {
    for (std::int64_t j = 0; j < c.columns; ++j) {
      double sum = beta == 0.0 ? 0.0 : beta * static_cast<double>(c(i, j));
      if (bias.columns > 0) sum += static_cast<double>(bias(0, j));
      for (std::int64_t l = 0; l < terms; ++l) {
        sum += static_cast<double>(op_a == Op::none ? a(i, l) : a(l, i)) *
               static_cast<double>(op_b == Op::none ? b(l, j) : b(j, l));
      }
      result(i, j) = sum;
    }
  }
  return result;
}

template <class T_, class C_>
struct Elements {
  using T = T_;
  using C = C_;
};

template <class Types>
class OneDnn : public ::testing::Test {
 protected:
  void SetUp() override {
    if (support::product_libraries().back() != ProductLibrary::onednn) {
      GTEST_SKIP() << "this build has no oneDNN";
    }
    device_.products = ProductMethod::of(ProductLibrary::onednn);
  }

  Device device_;
};
using Types = ::testing::Types<Elements<float, float>, Elements<bfloat16, bfloat16>,
                               Elements<bfloat16, float>>;
TYPED_TEST_SUITE(OneDnn, Types);

TYPED_TEST(OneDnn, EqualsTheNaiveLoopForAllOperationsStridesAndFactors) {
  using T = typename TypeParam::T;
  using C = typename TypeParam::C;
  struct Shape {
    std::int64_t m, n, k;
  };
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
            const auto before = random_table<C>(s.m, s.n, 3);
            const DeviceTable<C> c(before, gap);
            gemm(this->device_, op_a, op_b, Accumulate<T>(1), DeviceTable<T>(a, 2 * gap).view(),
                 DeviceTable<T>(b, gap).view(), static_cast<Accumulate<T>>(beta), c.view());
            EXPECT_TRUE(agrees(c.read(), naive(op_a, op_b, a, b, beta, before, Table<T>(0, 0))));
            EXPECT_TRUE(c.gap_is_untouched());
          }
        }
      }
    }
  }
}

// Members are interleaved, like heads in their tokens. One B serves all of them.
TYPED_TEST(OneDnn, ABatchIsItsMembersOneByOne) {
  using T = typename TypeParam::T;
  using C = typename TypeParam::C;
  constexpr std::int64_t m = 5, n = 4, k = 3, count = 3;
  for (const Op op_a : {Op::none, Op::transpose}) {
    const std::int64_t rows_a = op_a == Op::none ? m : k, columns_a = op_a == Op::none ? k : m;
    const auto a = random_table<T>(rows_a, count * columns_a, 1), b = random_table<T>(k, n, 2);
    const auto before = random_table<C>(count * (m + 1), n, 3);
    const DeviceTable<C> c(before, 2);
    const DeviceTable<T> of_a(a), of_b(b);
    gemm_batch<T, C>(this->device_, op_a, Op::none, 1,
                     {columns(of_a.view(), 0, columns_a), count, columns_a},
                     {of_b.view(), count, 0}, 1, {rows(c.view(), 0, m), count, (m + 1) * (n + 2)});
    for (std::int64_t i = 0; i < count; ++i) {
      EXPECT_TRUE(agrees(rows_of(c.read(), i * (m + 1), m),
                         naive(op_a, Op::none, columns_of(a, i * columns_a, columns_a), b, 1.0,
                               rows_of(before, i * (m + 1), m), Table<T>(0, 0))));
      EXPECT_EQ(c.read()(i * (m + 1) + m, 0), before(i * (m + 1) + m, 0)) << "between members";
    }
    EXPECT_TRUE(c.gap_is_untouched());
  }
}

TYPED_TEST(OneDnn, AddsABiasBeforeRounding) {
  using T = typename TypeParam::T;
  const auto a = random_table<T>(9, 17, 1), b = random_table<T>(33, 17, 2);
  const auto bias = random_table<T>(1, 33, 3, 20.0);
  const DeviceTable<T> c(9, 33, std::numeric_limits<T>::quiet_NaN(), 3);
  gemm_with_bias(this->device_, Op::none, Op::transpose, DeviceTable<T>(a).view(),
                 DeviceTable<T>(b).view(), DeviceTable<T>(bias).vector(), c.view());
  EXPECT_TRUE(agrees(c.read(), naive(Op::none, Op::transpose, a, b, 0.0, Table<T>(9, 33), bias)));
  EXPECT_TRUE(c.gap_is_untouched());
}

TYPED_TEST(OneDnn, BetaZeroDoesNotReadTheResult) {
  using T = typename TypeParam::T;
  using C = typename TypeParam::C;
  for (const std::int64_t size : {1, 5, 64}) {
    const auto a = random_table<T>(size, size, 1), b = random_table<T>(size, size, 2);
    const DeviceTable<C> c(size, size, std::numeric_limits<C>::quiet_NaN());
    gemm(this->device_, Op::none, Op::none, 1, DeviceTable<T>(a).view(), DeviceTable<T>(b).view(),
         0, c.view());
    EXPECT_TRUE(agrees(c.read(),
                       naive(Op::none, Op::none, a, b, 0.0, Table<C>(size, size), Table<T>(0, 0))));
  }
}

TYPED_TEST(OneDnn, SaysWhatItHolds) {
  using T = typename TypeParam::T;
  const DeviceTable<T> a(128, 128, T(1.0)), c(128, 128, T(0.0));
  gemm(this->device_, Op::transpose, Op::none, 1, a.view(), a.view(), 0, c.view());
  EXPECT_GT(onednn::scratch_bytes(), 0);
  EXPECT_EQ(onednn::description().rfind("oneDNN ", 0), 0U);
}

TYPED_TEST(OneDnn, TakesNoFactor) {
  using T = typename TypeParam::T;
  const DeviceTable<T> a(2, 2, T(1.0)), c(2, 2, T(0.0));
  EXPECT_THROW(
      gemm(this->device_, Op::none, Op::none, Accumulate<T>(2), a.view(), a.view(), 0, c.view()),
      BrokenInvariant);
}

}  // namespace
}  // namespace tidemark::kernels
