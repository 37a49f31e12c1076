// SPDX-License-Identifier: BSD-3-Clause
// Row-major products are passed to cuBLAS, whose matrices are by columns, in the form that it
// expects.
#include <string>

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "cublas/double.hpp"
#include "cublas/stored.hpp"

namespace tidemark::kernels::cublas {
namespace {

using cublas_double::seen;

/// C = 3 op(A) op(B) + beta C against the loop, for all transpositions, with shapes that all
/// differ, and with gaps between rows.
template <class T, class C>
void expect_products() {
  constexpr std::int64_t m = 3, n = 5, k = 4;
  for (const bool transpose_a : {false, true}) {
    for (const bool transpose_b : {false, true}) {
      for (const double beta : {0.0, 1.0, 2.0}) {
        const Stored<T> a(transpose_a ? k : m, transpose_a ? m : k, 2, 1);
        const Stored<T> b(transpose_b ? n : k, transpose_b ? k : n, 1, 2);
        const Stored<C> before(m, n, 3, 3);
        const Stored<C> c = before;
        multiply(nullptr, {m, n, k, a.operand(transpose_a), b.operand(transpose_b), c.operand(),
                           3.0, beta, false});
        for (std::int64_t i = 0; i < m; ++i) {
          for (std::int64_t j = 0; j < n; ++j) {
            double sum = 0.0;
            for (std::int64_t l = 0; l < k; ++l) {
              sum +=
                  (transpose_a ? a.at(l, i) : a.at(i, l)) * (transpose_b ? b.at(j, l) : b.at(l, j));
            }
            EXPECT_EQ(c.at(i, j), 3.0 * sum + beta * before.at(i, j)) << i << ' ' << j;
          }
          for (std::int64_t j = n; j < c.stride; ++j) EXPECT_EQ(c.at(i, j), before.at(i, j));
        }
      }
    }
  }
}

TEST(CublasProducts, AreRowMajorInEveryType) {
  expect_products<double, double>();
  EXPECT_EQ(seen().sums, CUBLAS_COMPUTE_64F);
  expect_products<float, float>();
  EXPECT_EQ(seen().sums, CUBLAS_COMPUTE_32F);
  expect_products<bfloat16, bfloat16>();
  EXPECT_EQ(seen().sums, CUBLAS_COMPUTE_32F);
  expect_products<bfloat16, float>();
  EXPECT_EQ(seen().sums, CUBLAS_COMPUTE_32F);
}

// The members of A are interleaved by columns and those of C by rows. There is one B for all.
TEST(CublasProducts, OfABatchAreOneCall) {
  constexpr std::int64_t m = 3, n = 5, k = 4, count = 3;
  const Stored<float> a(m, count * k, 2, 1), b(k, n, 1, 2);
  const Stored<float> c(count * (m + 1), n, 3, 3);
  const Stored<float> before = c;
  Operand of_a = a.operand(), of_c = c.operand();
  of_a.distance = k;
  of_c.distance = (m + 1) * c.stride;
  const int calls = seen().calls;
  multiply(nullptr, {m, n, k, of_a, b.operand(), of_c, 1.0, 1.0, false, count});
  EXPECT_EQ(seen().calls, calls + 1);
  for (std::int64_t member = 0; member < count; ++member) {
    for (std::int64_t i = 0; i <= m; ++i) {
      const std::int64_t row = member * (m + 1) + i;
      for (std::int64_t j = 0; j < n; ++j) {
        double sum = before.at(row, j);
        for (std::int64_t l = 0; l < k && i < m; ++l) sum += a.at(i, member * k + l) * b.at(l, j);
        EXPECT_EQ(c.at(row, j), sum) << row << ' ' << j;
      }
    }
  }
}

TEST(CublasProducts, RoundToTf32OnlyWhenAskedAndOnlyFp32) {
  const Stored<float> x(2, 2, 0, 1);
  const Stored<double> y(2, 2, 0, 1);
  const Stored<bfloat16> z(2, 2, 0, 1);
  multiply(nullptr, {2, 2, 2, x.operand(), x.operand(), x.operand(), 1.0, 0.0, true});
  EXPECT_EQ(seen().sums, CUBLAS_COMPUTE_32F_FAST_TF32);
  multiply(nullptr, {2, 2, 2, x.operand(), x.operand(), x.operand(), 1.0, 0.0, false});
  EXPECT_EQ(seen().sums, CUBLAS_COMPUTE_32F);
  multiply(nullptr, {2, 2, 2, y.operand(), y.operand(), y.operand(), 1.0, 0.0, true});
  EXPECT_EQ(seen().sums, CUBLAS_COMPUTE_64F);
  multiply(nullptr, {2, 2, 2, z.operand(), z.operand(), z.operand(), 1.0, 0.0, true});
  EXPECT_EQ(seen().sums, CUBLAS_COMPUTE_32F);
  EXPECT_EQ(seen().math & CUBLAS_TF32_TENSOR_OP_MATH, 0) << "nor by the mode of the library";
  EXPECT_NE(seen().math & CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION, 0);
}

TEST(CublasProducts, FollowTheStreamTheyAreGiven) {
  const Stored<float> x(2, 2, 0, 1);
  int places[2];
  const auto stream = [&](int i) { return reinterpret_cast<CudaStream>(&places[i]); };
  const LibraryProduct product{2, 2, 2, x.operand(), x.operand(), x.operand(), 1.0, 0.0, false};
  multiply(stream(0), product);
  const int before = seen().stream_changes;
  multiply(stream(0), product);
  EXPECT_EQ(seen().stream, stream(0));
  EXPECT_EQ(seen().stream_changes, before) << "a change costs the library its workspace";
  multiply(stream(1), product);
  EXPECT_EQ(seen().stream, stream(1));
  EXPECT_EQ(seen().handles, 1);
}

TEST(CublasProducts, SayWhatWentWrong) {
  const Stored<float> x(2, 2, 0, 1);
  seen().answer = CUBLAS_STATUS_EXECUTION_FAILED;
  try {
    multiply(nullptr, {2, 2, 2, x.operand(), x.operand(), x.operand(), 1.0, 0.0, false});
    ADD_FAILURE();
  } catch (const RunError& error) {
    EXPECT_EQ(std::string(error.what()), "cuBLAS: a product failed: an answer");
  }
  seen().answer = CUBLAS_STATUS_SUCCESS;
  multiply(nullptr, {0, 2, 2, x.operand(), x.operand(), x.operand(), 1.0, 0.0, false});
  EXPECT_EQ(description(), "cuBLAS 11.12.13");
}

}  // namespace
}  // namespace tidemark::kernels::cublas
