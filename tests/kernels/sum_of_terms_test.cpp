// SPDX-License-Identifier: BSD-3-Clause
#include "kernels/sum_of_terms.hpp"

#include <vector>

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "support/tables.hpp"

namespace tidemark::kernels {
namespace {

using support::DeviceTable;
using support::random_table;
using support::Table;

template <class T>
class SumOfTerms : public ::testing::Test {};
using Reals = ::testing::Types<bfloat16, float, double>;
TYPED_TEST_SUITE(SumOfTerms, Reals);

/// A sum in order, with one rounding.
TYPED_TEST(SumOfTerms, IsFormedInOrderAndRoundedOnce) {
  using T = TypeParam;
  using F = Accumulate<T>;
  constexpr std::int64_t count = 77;
  for (const int terms : {1, 2, 3, 64, 65, 200}) {
    std::vector<Table<T>> values;
    std::vector<DeviceTable<T>> tables;
    values.reserve(200);
    tables.reserve(200);
    std::vector<const void*> pointers;
    for (int k = 0; k < terms; ++k) {
      values.push_back(random_table<T>(1, count, static_cast<std::uint32_t>(k + 1)));
      tables.emplace_back(values.back());
      pointers.push_back(tables.back().view().data());
    }
    // The sum overwrites one of the terms, as in the algorithms.
    sum_of_terms(dtype_of<T>, tables.back().view().data(), pointers, count);
    const Table<T> result = tables.back().read();
    for (std::int64_t i = 0; i < count; ++i) {
      F expected = F(values[0](0, i));
      for (std::size_t k = 1; k < values.size(); ++k) expected += F(values[k](0, i));
      ASSERT_EQ(static_cast<double>(result(0, i)), static_cast<double>(T(expected))) << i;
    }
  }
}

TEST(SumOfTermsLimits, RefusesMoreTermsThanTheKernelTakes) {
  const DeviceTable<float> table(1, 4, 1.0F);
  const std::vector<const void*> pointers(1025, table.view().data());
  EXPECT_THROW(sum_of_terms(DType::fp32, table.view().data(), pointers, 4), BrokenInvariant);
  sum_of_terms(DType::fp32, nullptr, {}, 0);
}

}  // namespace
}  // namespace tidemark::kernels
