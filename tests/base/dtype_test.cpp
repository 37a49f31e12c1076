// SPDX-License-Identifier: BSD-3-Clause
#include "base/dtype.hpp"

#include <string>
#include <type_traits>

#include <gtest/gtest.h>

namespace tidemark {
namespace {

template <class T>
class ElementTypes : public ::testing::Test {};
using Scalars = ::testing::Types<bfloat16, float, double>;
TYPED_TEST_SUITE(ElementTypes, Scalars);

TYPED_TEST(ElementTypes, SizeIsThatOfTheScalar) {
  EXPECT_EQ(size_of(dtype_of<TypeParam>), sizeof(TypeParam));
}

TYPED_TEST(ElementTypes, SumsHaveTheTypeThatIsNamed) {
  EXPECT_EQ(dtype_of<Accumulate<TypeParam>>, accumulation_of(dtype_of<TypeParam>));
  EXPECT_GE(sizeof(Accumulate<TypeParam>), sizeof(float));
}

TYPED_TEST(ElementTypes, ANameLeadsBackToItsScalar) {
  const bool is_same = with_scalar_of(dtype_of<TypeParam>, [](auto scalar) {
    EXPECT_EQ(static_cast<double>(scalar), 0.0);
    return std::is_same_v<decltype(scalar), TypeParam>;
  });
  EXPECT_TRUE(is_same);
}

TEST(DTypes, HaveTheNamesOfTheYamlKey) {
  EXPECT_EQ(name_of(dtype_of<bfloat16>), "bf16");
  EXPECT_EQ(name_of(dtype_of<float>), "fp32");
  EXPECT_EQ(name_of(dtype_of<double>), "fp64");
}

TEST(DTypes, OnlyBf16IsSummedInAnother) {
  static_assert(std::is_same_v<Accumulate<bfloat16>, float>);
  static_assert(std::is_same_v<Accumulate<float>, float>);
  static_assert(std::is_same_v<Accumulate<double>, double>);
  EXPECT_EQ(accumulation_of(DType::bf16), DType::fp32);
  EXPECT_EQ(accumulation_of(DType::fp32), DType::fp32);
  EXPECT_EQ(accumulation_of(DType::fp64), DType::fp64);
}

}  // namespace
}  // namespace tidemark
