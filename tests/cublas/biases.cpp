// SPDX-License-Identifier: BSD-3-Clause
// A product with a bias is passed to cuBLASLt in the form that it expects, and only if there is a
// bias.
#include <string>

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "cublas/double.hpp"
#include "cublas/stored.hpp"

namespace tidemark::kernels::cublas {
namespace {

using cublas_double::seen;

template <class T>
class ProductWithBias {
 public:
  ProductWithBias(bool transpose_a, bool transpose_b)
      : transpose_a_(transpose_a),
        transpose_b_(transpose_b),
        a_(transpose_a ? k : m, transpose_a ? m : k, 2, 1),
        b_(transpose_b ? n : k, transpose_b ? k : n, 1, 2) {}

  [[nodiscard]] LibraryProduct product() const {
    return {m,   n,   k,    a_.operand(transpose_a_), b_.operand(transpose_b_), c_.operand(),
            1.0, 0.0, false};
  }
  [[nodiscard]] const void* bias() const { return bias_.values.data(); }

  void expect_sums() const {
    for (std::int64_t i = 0; i < m; ++i) {
      for (std::int64_t j = 0; j < n; ++j) {
        double sum = bias_.at(0, j);
        for (std::int64_t l = 0; l < k; ++l) {
          sum += (transpose_a_ ? a_.at(l, i) : a_.at(i, l)) *
                 (transpose_b_ ? b_.at(j, l) : b_.at(l, j));
        }
        EXPECT_EQ(c_.at(i, j), sum) << i << ' ' << j;
      }
    }
  }

 private:
  static constexpr std::int64_t m = 3, n = 5, k = 4;
  bool transpose_a_, transpose_b_;
  Stored<T> a_, b_;
  Stored<T> bias_{1, n, 0, 4};
  Stored<T> c_{m, n, 3, 3};
};

template <class T>
void expect_all_transpositions() {
  for (const bool transpose_a : {false, true}) {
    for (const bool transpose_b : {false, true}) {
      const ProductWithBias<T> x(transpose_a, transpose_b);
      ASSERT_TRUE(can_add_bias(x.product(), x.bias()));
      multiply_with_bias(nullptr, x.product(), x.bias());
      x.expect_sums();
    }
  }
}

TEST(CublasBias, IsAddedToEveryRow) {
  expect_all_transpositions<float>();
  expect_all_transpositions<bfloat16>();
  EXPECT_EQ(seen().epilogue, CUBLASLT_EPILOGUE_BIAS);
  EXPECT_EQ(seen().sums, CUBLAS_COMPUTE_32F);
}

TEST(CublasBias, IsSearchedForOnceAShape) {
  const ProductWithBias<float> x(false, true);
  int places[2];
  const auto stream = [&](int i) { return reinterpret_cast<CudaStream>(&places[i]); };
  multiply_with_bias(stream(0), x.product(), x.bias());
  const int before = seen().searches;
  void* const workspace = seen().workspace;
  multiply_with_bias(stream(0), x.product(), x.bias());
  EXPECT_EQ(seen().searches, before);
  EXPECT_EQ(seen().workspace, workspace);
  multiply_with_bias(stream(1), x.product(), x.bias());
  EXPECT_EQ(seen().stream, stream(1));
  EXPECT_NE(seen().workspace, workspace) << "two streams must not share one";
  LibraryProduct other = x.product();
  other.tensor_float = true;
  multiply_with_bias(stream(0), other, x.bias());
  EXPECT_EQ(seen().searches, before + 1);
  EXPECT_EQ(seen().sums, CUBLAS_COMPUTE_32F_FAST_TF32);
}

// Otherwise the library would assume that everything is aligned to 256 bytes.
TEST(CublasBias, IsAskedForWithWhatTheOperandsAllow) {
  const ProductWithBias<bfloat16> x(false, true);
  const LibraryProduct product = x.product();
  LibraryProduct moved = product;
  moved.a.data = static_cast<const char*>(product.a.data) + 2;  // one element further
  moved.k = 3;
  multiply_with_bias(nullptr, moved, x.bias());
  EXPECT_EQ(seen().alignment_b, 2U) << "the first operand, which is the library's second";
  for (const std::uint32_t other : {seen().alignment_a, seen().alignment_c, seen().alignment_d}) {
    EXPECT_TRUE(other >= 16 && other <= 256) << other;
  }
  EXPECT_EQ(seen().reductions, std::uint32_t{CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE})
      << "sums must not be rounded in between";
}

TEST(CublasBias, IsLeftToOthersWhereTheLibraryHasNone) {
  const ProductWithBias<double> wide(false, false);
  const int before = seen().searches;
  EXPECT_FALSE(can_add_bias(wide.product(), wide.bias()));
  const ProductWithBias<float> x(false, false);
  EXPECT_FALSE(can_add_bias(x.product(), static_cast<const char*>(x.bias()) + sizeof(float)));
  EXPECT_EQ(seen().searches, before) << "nobody was asked";
  LibraryProduct product = x.product();
  product.m = 2;
  seen().search_answer = CUBLAS_STATUS_NOT_SUPPORTED;
  EXPECT_FALSE(can_add_bias(product, x.bias()));
  seen().search_answer = CUBLAS_STATUS_SUCCESS;
  EXPECT_FALSE(can_add_bias(product, x.bias())) << "it was asked already";
  product.m = 1;
  seen().algorithms = 0;
  EXPECT_FALSE(can_add_bias(product, x.bias()));
  seen().algorithms = 1;
}

TEST(CublasBias, SaysWhatWentWrong) {
  const ProductWithBias<float> x(false, false);
  seen().answer = CUBLAS_STATUS_EXECUTION_FAILED;
  try {
    multiply_with_bias(nullptr, x.product(), x.bias());
    ADD_FAILURE();
  } catch (const RunError& error) {
    EXPECT_EQ(std::string(error.what()), "cuBLAS: a product with a bias failed: an answer");
  }
  seen().answer = CUBLAS_STATUS_SUCCESS;
  const ProductWithBias<double> wide(false, false);
  EXPECT_THROW(multiply_with_bias(nullptr, wide.product(), wide.bias()), BrokenInvariant);
  LibraryProduct scaled = x.product();
  scaled.alpha = 2.0;
  EXPECT_THROW((void)can_add_bias(scaled, x.bias()), BrokenInvariant);
}

}  // namespace
}  // namespace tidemark::kernels::cublas
