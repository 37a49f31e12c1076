// SPDX-License-Identifier: BSD-3-Clause
#include "kernels/gemm.hpp"

#include <string>

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "support/products.hpp"
#include "support/tables.hpp"

namespace tidemark::kernels {
namespace {

using support::DeviceTable;

template <class T>
class Gemm : public ::testing::Test {
 protected:
  Device device_;
};
TYPED_TEST_SUITE(Gemm, support::FullPrecisions);

TYPED_TEST(Gemm, EqualsTheNaiveLoopForAllOperationsStridesAndFactors) {
  support::expect_the_naive_product<TypeParam, TypeParam>(this->device_, 1.5);
}

TYPED_TEST(Gemm, ABatchIsItsMembersOneByOne) {
  support::expect_a_batch_of_products<TypeParam, TypeParam>(this->device_, 1.5, 0.5);
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

TYPED_TEST(Gemm, BetaZeroDoesNotReadTheResult) {
  support::expect_that_beta_zero_reads_nothing<TypeParam, TypeParam>(this->device_);
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
