// SPDX-License-Identifier: BSD-3-Clause
#include "kernels/mixed_gemm.hpp"

#include <type_traits>

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "support/libraries.hpp"
#include "support/products.hpp"
#include "support/tables.hpp"

namespace tidemark::kernels {
namespace {

using support::agrees;
using support::DeviceTable;
using support::Extents;
using support::in_double;
using support::not_a_number;
using support::operand;
using support::random_table;
using support::Table;

/// Exactly the elements that the product asks for. Elements after them show if it writes too far.
template <class F>
class Workspace {
 public:
  explicit Workspace(std::int64_t elements)
      : elements_(elements), table_(1, elements + canary_elements, F(canary)) {
    Kokkos::deep_copy(Kokkos::View<F*, MemorySpace, Kokkos::MemoryTraits<Kokkos::Unmanaged>>(
                          table_.view().data(), static_cast<std::size_t>(elements)),
                      not_a_number<F>());
  }
  [[nodiscard]] Vector<F> view() const {
    return Vector<F>(table_.view().data(), static_cast<std::size_t>(elements_));
  }
  [[nodiscard]] bool canary_lives() const {
    const Table<F> all = table_.read();
    for (std::int64_t i = elements_; i < all.columns; ++i) {
      if (all(0, i) != F(canary)) return false;
    }
    return true;
  }

 private:
  static constexpr std::int64_t canary_elements = 4096;
  static constexpr double canary = 123.0;
  std::int64_t elements_;
  DeviceTable<F> table_;
};

template <class A_, class B_, class C_>
struct Elements {
  using A = A_;
  using B = B_;
  using C = C_;
};

template <class Types>
class MixedGemm : public ::testing::Test {
 protected:
  using A = typename Types::A;
  using B = typename Types::B;
  using C = typename Types::C;
  using F = Accumulate<B>;

  /// The product by the kernel, into memory that holds NaN.
  Table<C> product(Op op_a, Op op_b, const Extents& e, const Table<A>& a, const Table<B>& b,
                   const Table<B>& bias, std::int64_t gap = 0) {
    const Workspace<F> workspace(mixed_gemm_workspace<A, B, C>(device_, e.m, e.n, e.k));
    const DeviceTable<C> c(e.m, e.n, not_a_number<C>(), gap);
    mixed_gemm(device_, op_a, op_b, DeviceTable<A>(a, 2 * gap).view(),
               DeviceTable<B>(b, gap).view(), DeviceTable<B>(bias).vector(), c.view(),
               workspace.view());
    device_.fence();
    EXPECT_TRUE(workspace.canary_lives());
    EXPECT_TRUE(c.gap_is_untouched());
    return c.read();
  }
  /// The same in doubles, by the other product, which has its own tests.
  Table<double> expected(Op op_a, Op op_b, const Extents& e, const Table<A>& a, const Table<B>& b,
                         const Table<B>& bias) {
    Device device;
    Table<double> start(e.m, e.n);
    if (bias.columns > 0) {
      for (std::int64_t i = 0; i < e.m; ++i) {
        for (std::int64_t j = 0; j < e.n; ++j) start(i, j) = static_cast<double>(bias(0, j));
      }
    }
    const DeviceTable<double> c(start);
    gemm(device, op_a, op_b, 1.0, DeviceTable<double>(in_double(a)).view(),
         DeviceTable<double>(in_double(b)).view(), 1.0, c.view());
    device.fence();
    return c.read();
  }
  /// Whether the library takes bf16, so that an A of fp32 is rounded, and a bias must have the type
  /// of A and C.
  [[nodiscard]] bool is_narrow_product() const {
    return is_narrow<B> && device_.products.takes_bf16;
  }
  [[nodiscard]] bool takes_bias() const {
    return !is_narrow_product() || (std::is_same_v<A, B> && std::is_same_v<B, C>);
  }
  /// A as the library reads it.
  [[nodiscard]] Table<A> rounded(Table<A> a) const {
    if (!is_narrow_product()) return a;
    for (A& value : a.values) value = A(static_cast<double>(B(value)));
    return a;
  }
  /// Compares both on random numbers, with every library.
  void compare(Op op_a, Op op_b, const Extents& e, bool has_bias, std::int64_t gap = 0) {
    for (const ProductMethod& method : support::product_methods()) {
      device_.products = method;
      if (has_bias && !takes_bias()) continue;
      SCOPED_TRACE(::testing::Message()
                   << word_of(method.library) << ' ' << e.m << " x " << e.n << " x " << e.k << ' '
                   << static_cast<char>(op_a) << static_cast<char>(op_b) << " bias " << has_bias
                   << " gap " << gap);
      const auto a = operand<A>(op_a, e.m, e.k, 1);
      const auto b = operand<B>(op_b, e.k, e.n, 2);
      const auto bias = random_table<B>(has_bias ? 1 : 0, has_bias ? e.n : 0, 3, 20.0);
      EXPECT_TRUE(agrees(product(op_a, op_b, e, a, b, bias, gap),
                         expected(op_a, op_b, e, rounded(a), b, bias)));
    }
  }

  Device device_;
};
using Products =
    ::testing::Types<Elements<float, float, float>, Elements<double, double, double>,
                     Elements<bfloat16, bfloat16, bfloat16>, Elements<bfloat16, bfloat16, float>,
                     Elements<float, bfloat16, bfloat16>, Elements<float, bfloat16, float>>;
TYPED_TEST_SUITE(MixedGemm, Products);

TYPED_TEST(MixedGemm, EqualsTheProductInDoubles) {
  const Extents extents[] = {{1, 1, 1}, {1, 33, 7},  {33, 1, 5},
                             {3, 4, 1}, {17, 9, 65}, {66, 70, 32}};
  for (const Extents& e : extents) {
    for (const Op op_a : {Op::none, Op::transpose}) {
      for (const Op op_b : {Op::none, Op::transpose}) {
        for (const bool has_bias : {false, true}) {
          for (const std::int64_t gap : {0, 3}) this->compare(op_a, op_b, e, has_bias, gap);
        }
      }
    }
  }
}

// 2056 lies half way between 2048 and 2064. If it were rounded before the bias, 4 more would change
// nothing.
TYPED_TEST(MixedGemm, SumsAreFormedInFullPrecisionAndRoundedOnce) {
  using Left = typename TypeParam::A;
  using Right = typename TypeParam::B;
  const Extents e{3, 5, 4096};
  Table<Left> a(e.m, e.k, Left(1.0));
  for (std::int64_t i = 0; i < e.m; ++i) {
    for (std::int64_t l = 0; l < 1020; ++l) a(i, 4 * l + i) = Left(-1.0);
  }
  const Table<Right> b(e.k, e.n, Right(1.0)), bias(1, e.n, Right(4.0)), none(0, 0);
  for (const ProductMethod& method : support::product_methods()) {
    this->device_.products = method;
    for (const auto value : this->product(Op::none, Op::none, e, a, b, none).values) {
      EXPECT_EQ(static_cast<double>(value), sizeof(value) == 2 ? 2048.0 : 2056.0);
    }
    if (!this->takes_bias()) continue;
    for (const auto value : this->product(Op::none, Op::none, e, a, b, bias).values) {
      EXPECT_EQ(static_cast<double>(value), sizeof(value) == 2 ? 2064.0 : 2060.0);
    }
  }
}

TYPED_TEST(MixedGemm, CountsTwoOperationsAMultiplyAdd) {
  this->compare(Op::none, Op::transpose, {7, 5, 11}, false);
  EXPECT_EQ(this->device_.gemm_flops, 2U * 7 * 5 * 11 * support::product_methods().size());
}

// Panels are cut out of the operands. A wrong operand must not be cut to a shape that fits.
TYPED_TEST(MixedGemm, RefusesShapesThatDoNotFit) {
  using Left = typename TypeParam::A;
  using Right = typename TypeParam::B;
  using Result = typename TypeParam::C;
  const DeviceTable<Accumulate<Right>> workspace(1, 4096, 0);
  const auto multiply = [&](const Extents& a, const Extents& b, const Extents& c, Op op_b,
                            std::int64_t bias) {
    mixed_gemm(this->device_, Op::none, op_b, DeviceTable<Left>(a.m, a.n, Left(1.0)).view(),
               DeviceTable<Right>(b.m, b.n, Right(1.0)).view(),
               DeviceTable<Right>(1, bias, Right(1.0)).vector(),
               DeviceTable<Result>(c.m, c.n, Result(0.0)).view(), workspace.vector());
    this->device_.fence();
  };
  const auto is_refused = [&](const Extents& a, const Extents& b, const Extents& c,
                              Op op_b = Op::none, std::int64_t bias = 0) {
    EXPECT_THROW(multiply(a, b, c, op_b, bias), BrokenInvariant);
  };
  EXPECT_NO_THROW(multiply({3, 5, 0}, {5, 7, 0}, {3, 7, 0}, Op::none, 7));
  const std::uint64_t counted = this->device_.gemm_flops;
  is_refused({4, 5, 0}, {5, 7, 0}, {3, 7, 0});
  is_refused({2, 5, 0}, {5, 7, 0}, {3, 7, 0});
  is_refused({3, 5, 0}, {5, 8, 0}, {3, 7, 0});
  is_refused({3, 5, 0}, {5, 6, 0}, {3, 7, 0});
  is_refused({3, 5, 0}, {6, 7, 0}, {3, 7, 0});
  is_refused({3, 5, 0}, {5, 7, 0}, {3, 7, 0}, Op::transpose);
  is_refused({3, 5, 0}, {5, 7, 0}, {3, 7, 0}, Op::none, 6);
  EXPECT_EQ(this->device_.gemm_flops, counted);
}

// Two panels of A and three of B, with shorter last ones. These are the ways in which the layers
// use a product.
constexpr Extents several_panels{259, 131, std::int64_t{1} << 14};

using AllNarrow = MixedGemm<Elements<bfloat16, bfloat16, bfloat16>>;
using ToWeights = MixedGemm<Elements<bfloat16, bfloat16, float>>;
using FromLogits = MixedGemm<Elements<float, bfloat16, bfloat16>>;
using LogitsToWeights = MixedGemm<Elements<float, bfloat16, float>>;

TEST_F(AllNarrow, SeveralPanelsOfAnOutput) {
  compare(Op::none, Op::transpose, several_panels, true);
  EXPECT_EQ(device_.gemm_flops, (2U * 259 * 131 << 14) * support::product_methods().size());
}
TEST_F(AllNarrow, SeveralPanelsOfAnInputGradient) {
  compare(Op::none, Op::none, several_panels, false, 1);
}
TEST_F(ToWeights, SeveralPanels) { compare(Op::transpose, Op::none, several_panels, false, 1); }
TEST_F(ToWeights, SeveralPanelsOfLogits) { compare(Op::none, Op::transpose, several_panels, true); }
TEST_F(FromLogits, SeveralPanels) { compare(Op::none, Op::none, several_panels, false); }
TEST_F(LogitsToWeights, SeveralPanels) { compare(Op::transpose, Op::none, several_panels, false); }

/// The device of a library that does not take bf16.
Device in_panels() {
  Device device;
  device.products = ProductMethod::of(ProductLibrary::kokkos_kernels);
  return device;
}

TEST(MixedGemmWorkspace, HoldsOnePanelOfEachOperand) {
  const Extents& e = several_panels;
  EXPECT_EQ((mixed_gemm_workspace<bfloat16, bfloat16, float>(in_panels(), e.m, e.n, e.k)),
            (130 + 44) * e.k);
}

TEST(MixedGemmWorkspace, IsBoundedHoweverLargeTheOperandsAre) {
  const std::int64_t size = std::int64_t{1} << 24;
  for (const std::int64_t k : {1, 64, 4096, 1 << 15}) {
    const std::int64_t panels = (std::int64_t{4} << 20) + (std::int64_t{2} << 20);
    EXPECT_LE((mixed_gemm_workspace<bfloat16, bfloat16, float>(in_panels(), 4096, 4096, k)), panels)
        << k;
    EXPECT_GT((mixed_gemm_workspace<bfloat16, bfloat16, float>(in_panels(), 4096, 4096, k)), 0)
        << k;
  }
  EXPECT_LE((mixed_gemm_workspace<bfloat16, bfloat16, bfloat16>(in_panels(), size, size, 8192)),
            std::int64_t{6} << 20);
}

TEST(MixedGemmWorkspace, IsNeededForWhatIsConvertedAlone) {
  EXPECT_EQ((mixed_gemm_workspace<float, float, float>(in_panels(), 7, 5, 3)), 0);
  EXPECT_EQ((mixed_gemm_workspace<double, double, double>(in_panels(), 7, 5, 3)), 0);
  EXPECT_EQ((mixed_gemm_workspace<float, bfloat16, float>(in_panels(), 7, 5, 3)), 5 * 3);
  EXPECT_EQ((mixed_gemm_workspace<bfloat16, bfloat16, float>(in_panels(), 7, 5, 3)), (7 + 5) * 3);
  EXPECT_EQ((mixed_gemm_workspace<float, bfloat16, bfloat16>(in_panels(), 7, 5, 3)), 5 * 3 + 7 * 5);
  EXPECT_EQ((mixed_gemm_workspace<bfloat16, bfloat16, bfloat16>(in_panels(), 7, 5, 3)),
            (7 + 5) * 3 + 7 * 5);
}

TEST(MixedGemmWorkspace, IsNeededForWhatIsRoundedIfTheLibraryTakesBf16) {
  Device device;
  device.products = ProductMethod::of(ProductLibrary::onednn);
  EXPECT_EQ((mixed_gemm_workspace<bfloat16, bfloat16, bfloat16>(device, 7, 5, 3)), 0);
  EXPECT_EQ((mixed_gemm_workspace<bfloat16, bfloat16, float>(device, 7, 5, 3)), 0);
  EXPECT_EQ((mixed_gemm_workspace<float, bfloat16, float>(device, 7, 5, 3)), (7 * 3 + 1) / 2);
  EXPECT_EQ((mixed_gemm_workspace<float, float, float>(device, 7, 5, 3)), 0);
}

}  // namespace
}  // namespace tidemark::kernels
