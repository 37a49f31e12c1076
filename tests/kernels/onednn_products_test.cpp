// SPDX-License-Identifier: BSD-3-Clause
#include "kernels/onednn_products.hpp"

#include <limits>

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "kernels/gemm.hpp"
#include "support/libraries.hpp"
#include "support/products.hpp"
#include "support/tables.hpp"

namespace tidemark::kernels {
namespace {

using support::agrees;
using support::DeviceTable;
using support::random_table;
using support::Table;

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
  support::expect_the_naive_product<typename TypeParam::T, typename TypeParam::C>(this->device_,
                                                                                  1.0);
}

TYPED_TEST(OneDnn, ABatchIsItsMembersOneByOne) {
  support::expect_a_batch_of_products<typename TypeParam::T, typename TypeParam::C>(this->device_,
                                                                                    1.0, 1.0);
}

TYPED_TEST(OneDnn, AddsABiasBeforeRounding) {
  using T = typename TypeParam::T;
  const auto a = random_table<T>(9, 17, 1), b = random_table<T>(33, 17, 2);
  const auto bias = random_table<T>(1, 33, 3, 20.0);
  const DeviceTable<T> c(9, 33, std::numeric_limits<T>::quiet_NaN(), 3);
  gemm_with_bias(this->device_, Op::none, Op::transpose, DeviceTable<T>(a).view(),
                 DeviceTable<T>(b).view(), DeviceTable<T>(bias).vector(), c.view());
  Table<T> on_every_row(9, 33);
  for (std::int64_t i = 0; i < 9; ++i) {
    for (std::int64_t j = 0; j < 33; ++j) on_every_row(i, j) = bias(0, j);
  }
  EXPECT_TRUE(agrees(
      c.read(), support::naive_product(Op::none, Op::transpose, 1.0, a, b, 1.0, on_every_row)));
  EXPECT_TRUE(c.gap_is_untouched());
}

TYPED_TEST(OneDnn, BetaZeroDoesNotReadTheResult) {
  support::expect_that_beta_zero_reads_nothing<typename TypeParam::T, typename TypeParam::C>(
      this->device_);
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
