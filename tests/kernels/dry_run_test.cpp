// SPDX-License-Identifier: BSD-3-Clause
// In a dry run every kernel returns at once. It neither reads nor writes an operand.
#include <gtest/gtest.h>

#include "kernels/bias.hpp"
#include "kernels/block_softmax.hpp"
#include "kernels/convert.hpp"
#include "kernels/cross_entropy.hpp"
#include "kernels/dropout.hpp"
#include "kernels/embedding.hpp"
#include "kernels/fill.hpp"
#include "kernels/gelu.hpp"
#include "kernels/layer_norm.hpp"
#include "kernels/mixed_gemm.hpp"
#include "kernels/softmax.hpp"
#include "support/tables.hpp"

namespace tidemark::kernels {
namespace {

/// An address that no process may touch.
template <class T>
T* nowhere() {
  return reinterpret_cast<T*>(std::uintptr_t{64});
}
template <class T>
Matrix<T> matrix(std::size_t rows, std::size_t columns) {
  return Matrix<T>(nowhere<T>(), rows, columns);
}
template <class T>
Vector<T> vector(std::size_t count) {
  return Vector<T>(nowhere<T>(), count);
}

constexpr std::size_t R = 12, C = 8;

template <class T>
class DryRunKernels : public ::testing::Test {
 protected:
  Device device_ = Device::dry_run();
  Matrix<T> x_ = matrix<T>(R, C);
  Matrix<Accumulate<T>> full_ = matrix<Accumulate<T>>(R, C);
  Vector<T> vector_ = vector<T>(C);
  Vector<Accumulate<T>> full_vector_ = vector<Accumulate<T>>(C);
  Mask mask_ = matrix<std::uint8_t>(R, C);
  Matrix<Accumulate<T>> statistics_ = matrix<Accumulate<T>>(R, 2);
  Dropout dropout_ = make_dropout(0.5, {1, 2}, 0);
};
TYPED_TEST_SUITE(DryRunKernels, support::Precisions);

TYPED_TEST(DryRunKernels, TheKernelsOfALayerTouchNothing) {
  Device& device = this->device_;
  layer_norm_forward(device, this->x_, this->vector_, this->vector_, this->x_, this->statistics_);
  layer_norm_backward(device, this->x_, this->x_, this->vector_, this->statistics_, this->x_,
                      this->full_vector_, this->full_vector_);
  bias_backward(device, this->x_, this->full_vector_);
  bias_gelu_forward(device, this->x_, this->vector_, this->x_);
  bias_gelu_backward(device, this->x_, this->vector_, this->x_, this->full_vector_);
  bias_dropout_add_forward(device, this->dropout_, this->x_, this->vector_, this->x_, this->mask_,
                           this->x_);
  bias_dropout_add_backward(device, this->dropout_, this->x_, this->mask_, this->x_,
                            this->full_vector_);
  softmax_dropout_forward<TypeParam>(device, {1.0, true}, this->dropout_, this->full_, this->x_,
                                     this->mask_, this->x_);
  softmax_dropout_backward<TypeParam>(device, {1.0, true}, this->dropout_, this->x_, this->mask_,
                                      this->full_);
  fill_uniform(device, this->x_, {1, 2}, {0, 0, C}, 0.0, 1.0);
  fill_zero(device, this->x_);
  device.fence();
}

TYPED_TEST(DryRunKernels, TheKernelsOfBlockedAttentionTouchNothing) {
  Device& device = this->device_;
  const ScoreBlock block{0, 0, C, 1.0, true};
  const auto of_rows = matrix<Accumulate<TypeParam>>(R, 1);
  begin_online_softmax<Accumulate<TypeParam>>(device, this->statistics_, this->full_);
  online_softmax<Accumulate<TypeParam>>(device, block, this->dropout_, this->full_,
                                        this->statistics_, this->full_);
  end_online_softmax<TypeParam>(device, block, this->statistics_, this->full_, this->x_, of_rows);
  row_products<TypeParam>(device, this->x_, this->x_, of_rows);
  block_softmax_backward<Accumulate<TypeParam>>(device, block, this->dropout_, of_rows, of_rows,
                                                this->full_, this->full_);
}

TYPED_TEST(DryRunKernels, TheKernelsOfTheEndsTouchNothingAndLoseNothing) {
  using F = Accumulate<TypeParam>;
  Device& device = this->device_;
  const Tokens tokens{{1, 2}, C, 1};
  const Matrix<F> statistics = matrix<F>(2 * R, loss_statistics);
  embedding_forward(device, tokens, 0, this->x_, this->x_);
  embedding_backward(device, tokens, 0, this->x_, this->full_);
  dropout_forward(device, this->dropout_, this->x_, this->mask_);
  dropout_backward(device, this->dropout_, this->mask_, this->x_);
  cross_entropy_statistics(device, tokens, {0, C}, this->full_, rows(statistics, 0, R));
  EXPECT_EQ(cross_entropy_forward(device, {0, C}, 2, statistics, this->full_), 0.0);
  cross_entropy_backward(device, tokens, {0, C}, this->full_);
}

TYPED_TEST(DryRunKernels, ProductsAreCountedAndNotComputed) {
  using F = Accumulate<TypeParam>;
  const Matrix<TypeParam> square = matrix<TypeParam>(C, C);
  const Vector<F> workspace = vector<F>(1024);
  mixed_gemm(this->device_, Op::none, Op::transpose, this->x_, square, this->vector_, this->x_,
             workspace);
  EXPECT_EQ(this->device_.gemm_flops, 2U * R * C * C);
  mixed_gemm(this->device_, Op::transpose, Op::none, this->x_, this->x_, Vector<TypeParam>(),
             matrix<F>(C, C), workspace);
  EXPECT_EQ(this->device_.gemm_flops, 4U * R * C * C);
  gemm(this->device_, Op::none, Op::none, F(1), this->full_, matrix<F>(C, C), F(0), this->full_);
  EXPECT_EQ(this->device_.gemm_flops, 6U * R * C * C);
}

// It counts as many operations as on a device, panel by panel.
TEST(DryRunKernelsAtScale, APlanOfAnySizeCountsItsProducts) {
  Device device = Device::dry_run();
  const std::size_t tokens = 8192, in = 12288, out = 49152;
  mixed_gemm(device, Op::none, Op::transpose, matrix<bfloat16>(tokens, in),
             matrix<bfloat16>(out, in), Vector<bfloat16>(), matrix<bfloat16>(tokens, out),
             vector<float>(1 << 24));
  EXPECT_EQ(device.gemm_flops, 2U * tokens * in * out);
}

TEST(DryRunKernelsBf16, ConversionsTouchNothing) {
  Device device = Device::dry_run();
  convert(device, matrix<bfloat16>(R, C), matrix<float>(R, C));
  convert(device, matrix<float>(R, C), matrix<bfloat16>(R, C));
  bias_forward(device, vector<float>(C), matrix<float>(R, C));
  bias_forward(device, vector<double>(C), matrix<double>(R, C));
}

}  // namespace
}  // namespace tidemark::kernels
