// SPDX-License-Identifier: BSD-3-Clause
#include "kernels/check_product.hpp"

#include <cmath>
#include <limits>
#include <string>

#include <gtest/gtest.h>

#include "kernels/mixed_gemm.hpp"
#include "support/tables.hpp"

namespace tidemark::kernels {
namespace {

using support::DeviceTable;
using support::random_table;
using support::Table;

struct Shape {
  std::int64_t m, n, k;
};

constexpr Shape shapes[] = {{1, 1, 1},     {3, 65, 7},     {70, 130, 64},
                            {64, 64, 256}, {33, 200, 300}, {129, 31, 1000}};

/// C = A B, with all inputs of a check of the product.
template <class T>
class CheckProduct : public ::testing::Test {
 protected:
  using F = Accumulate<T>;

  /// What the check finds if `spoil` changes the result first.
  template <class Spoil>
  ProductFindings findings_of(const Shape& s, Op op_a, Op op_b, F alpha, F beta, const Spoil& spoil,
                              std::uint64_t seed = 7) {
    const auto table = [&](Op op, std::int64_t rows, std::int64_t columns, std::uint32_t key) {
      return op == Op::none ? random_table<T>(rows, columns, key)
                            : random_table<T>(columns, rows, key);
    };
    const DeviceTable<T> a(table(op_a, s.m, s.k, 1), 3);
    const DeviceTable<T> b(table(op_b, s.k, s.n, 2), 5);
    DeviceTable<T> c(random_table<T>(s.m, s.n, 3), 2);
    const MatrixBatch<T> left(a.view());
    const MatrixBatch<T> right(b.view());
    const MatrixBatch<T> result(c.view());
    ProductCheck check(seed);
    check.form(device_,
               ProductCall<T, T>{op_a, op_b, static_cast<double>(alpha), left, right,
                                 static_cast<double>(beta), result},
               [&] {
                 gemm(device_, op_a, op_b, alpha, a.view(), b.view(), beta, c.view());
                 device_.fence();
                 spoil(c.view());
               });
    return check.findings();
  }

  Device device_;
};
TYPED_TEST_SUITE(CheckProduct, support::FullPrecisions);

TYPED_TEST(CheckProduct, LeavesRoomForEveryRightProduct) {
  using T = TypeParam;
  for (const Shape& s : shapes) {
    for (const Op op_a : {Op::none, Op::transpose}) {
      for (const Op op_b : {Op::none, Op::transpose}) {
        for (const T beta : {T(0), T(1), T(-0.5)}) {
          const ProductFindings found =
              this->findings_of(s, op_a, op_b, T(0.25), beta, [](const Matrix<T>&) {});
          EXPECT_LT(found.worst, 0.5) << s.m << " " << s.n << " " << s.k << ": " << found.where;
          EXPECT_EQ(found.products, 1);
        }
      }
    }
  }
}

// The element is off by the size of its neighbours. It is found at any place and for any random
// numbers.
TYPED_TEST(CheckProduct, SeesOneWrongElement) {
  using T = TypeParam;
  for (const Shape& s : shapes) {
    for (const std::int64_t place : {std::int64_t{0}, s.m * s.n / 2, s.m * s.n - 1}) {
      for (std::uint64_t seed = 1; seed < 6; ++seed) {
        const auto wrong = [&](const Matrix<T>& c) {
          double squares = 0.0;
          for (std::int64_t j = 0; j < s.n; ++j) {
            const auto value = static_cast<double>(c(place / s.n, j));
            squares += value * value;
          }
          c(place / s.n, place % s.n) +=
              static_cast<T>(std::sqrt(squares / static_cast<double>(s.n)));
        };
        EXPECT_GT(this->findings_of(s, Op::none, Op::transpose, T(1), T(0), wrong, seed).worst, 1.0)
            << s.m << " " << s.n << " " << s.k << " at " << place;
        EXPECT_GT(this->findings_of(s, Op::transpose, Op::none, T(1), T(1), wrong, seed).worst,
                  1.0);
      }
    }
  }
}

TYPED_TEST(CheckProduct, SeesScaledSkippedAndInfiniteResults) {
  using T = TypeParam;
  const Shape s{40, 96, 128};
  const auto worst_with = [&](const auto& change) {
    return this
        ->findings_of(s, Op::none, Op::none, T(1), T(0),
                      [&](const Matrix<T>& c) {
                        for (std::int64_t i = 0; i < s.m; ++i) {
                          for (std::int64_t j = 0; j < s.n; ++j) c(i, j) = change(c(i, j), i, j);
                        }
                      })
        .worst;
  };
  EXPECT_GT(worst_with([](T value, auto, auto) { return value * T(1.5); }), 1.0);
  EXPECT_GT(worst_with([](T value, auto, auto) { return value * T(1.001); }), 1.0);
  EXPECT_GT(worst_with([](T, auto, auto) { return T(0); }), 1.0);
  const auto spoiled_by = [&](T wrong) {
    return worst_with([&](T value, auto i, auto j) { return i == 39 && j == 95 ? wrong : value; });
  };
  EXPECT_TRUE(std::isinf(spoiled_by(std::numeric_limits<T>::quiet_NaN())));
  EXPECT_TRUE(std::isinf(spoiled_by(std::numeric_limits<T>::infinity())));
}

TEST(ProductCheckOfAStep, ChecksEachDistinctProductOnce) {
  Device device;
  ProductCheck check(1);
  device.product_check = &check;
  const DeviceTable<float> a(random_table<float>(8, 16, 1));
  const DeviceTable<float> b(random_table<float>(16, 8, 2));
  DeviceTable<float> c(8, 8, 0.0F);
  for (int i = 0; i < 3; ++i) {
    gemm(device, Op::none, Op::none, 1.0F, a.view(), b.view(), 0.0F, c.view());
  }
  EXPECT_EQ(check.findings().products, 1);
  gemm(device, Op::none, Op::none, 1.0F, a.view(), b.view(), 1.0F, c.view());
  gemm(device, Op::none, Op::none, 1.0F, rows(a.view(), 0, 4), b.view(), 0.0F,
       rows(c.view(), 0, 4));
  EXPECT_EQ(check.findings().products, 3);
  EXPECT_LT(check.findings().worst, 0.5);
}

TEST(ProductCheckOfAStep, SeesTheMembersOfABatch) {
  Device device;
  const Table<float> two = random_table<float>(16, 8, 1);
  const DeviceTable<float> a(two);
  const DeviceTable<float> b(random_table<float>(16, 8, 2));
  DeviceTable<float> c(16, 8, 0.0F);
  const MatrixBatch<float> left(rows(a.view(), 0, 8), 2, 64);
  const MatrixBatch<float> right(rows(b.view(), 0, 8), 2, 64);
  const MatrixBatch<float> result(rows(c.view(), 0, 8), 2, 64);
  for (const bool spoils : {false, true}) {
    ProductCheck check(1);
    check.form(device, ProductCall<float, float>{Op::none, Op::none, 1.0, left, right, 0.0, result},
               [&] {
                 gemm_batch(device, Op::none, Op::none, 1.0F, left, right, 0.0F, result);
                 device.fence();
                 if (spoils) c.view()(12, 3) += 1.0F;
               });
    EXPECT_EQ(check.findings().worst > 1.0, spoils);
  }
}

// bf16 rounds the result, with an error of up to 2^-8 of each element.
TEST(ProductCheckOfAStep, AllowsForResultsOfBf16AndSeesOneWrongElement) {
  Device device;
  const Shape s{64, 192, 512};
  const Table<bfloat16> a_values = random_table<bfloat16>(s.m, s.k, 1);
  const Table<bfloat16> b_values = random_table<bfloat16>(s.k, s.n, 2);
  const DeviceTable<bfloat16> a(a_values);
  const DeviceTable<bfloat16> b(b_values);
  Table<bfloat16> exact(s.m, s.n);
  for (std::int64_t i = 0; i < s.m; ++i) {
    for (std::int64_t j = 0; j < s.n; ++j) {
      double sum = 0.0;
      for (std::int64_t l = 0; l < s.k; ++l) {
        sum += static_cast<double>(a_values(i, l)) * static_cast<double>(b_values(l, j));
      }
      exact(i, j) = static_cast<bfloat16>(sum);
    }
  }
  const DeviceTable<bfloat16> c(exact);
  const MatrixBatch<bfloat16> left(a.view());
  const MatrixBatch<bfloat16> right(b.view());
  const MatrixBatch<bfloat16> result(c.view());
  const auto worst = [&](std::uint64_t seed) {
    ProductCheck check(seed);
    check.form(device,
               ProductCall<bfloat16, bfloat16>{Op::none, Op::none, 1.0, left, right, 0.0, result},
               [] {});
    return check.findings().worst;
  };
  for (std::uint64_t seed = 1; seed < 6; ++seed) EXPECT_LT(worst(seed), 0.6);
  const bfloat16 before = c.view()(20, 100);
  c.view()(20, 100) = static_cast<bfloat16>(static_cast<float>(before) + 7.5F);  // sqrt(k) / 3
  for (std::uint64_t seed = 1; seed < 6; ++seed) EXPECT_GT(worst(seed), 1.0);
}

}  // namespace
}  // namespace tidemark::kernels
