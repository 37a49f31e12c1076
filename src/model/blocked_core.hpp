// SPDX-License-Identifier: BSD-3-Clause
// Attention that never holds an s x s matrix in either direction (Rabe and Staats, 2021; Dao et
// al., "FlashAttention", 2022). It works on blocks of queries and blocks of keys. Forward uses an
// online softmax, and backward uses the saved log-sum-exp. Block pairs that the causal mask hides
// are skipped.
#pragma once

#include <cstdint>

#include "kernels/block_softmax.hpp"
#include "model/attention_core.hpp"

namespace tidemark::model {

template <class T, class X>
class BlockedCore final : public AttentionCore<T> {
 public:
  using Tensor = memory::Tensor<T>;
  using F = Accumulate<T>;

  /// `block`: positions per block of queries or keys. The last block may be shorter.
  BlockedCore(const CoreShape& shape, std::int64_t block);

  parallel::RowsOnDemand<T> forward(const parallel::Context& context, Tensor qkv) override;
  Tensor backward(const parallel::Context& context, Tensor output, Tensor output_gradient) override;
  [[nodiscard]] bool needs_output() const override { return true; }
  void forget() override;

 private:
  struct Scratch;
  struct Forward;

  [[nodiscard]] std::int64_t num_blocks() const { return (shape_.length + block_ - 1) / block_; }
  [[nodiscard]] std::int64_t size_of_block(std::int64_t first) const;
  [[nodiscard]] bool is_hidden(std::int64_t first_query, std::int64_t first_key) const;
  [[nodiscard]] kernels::ScoreBlock block_at(std::int64_t first_query,
                                             std::int64_t first_key) const;
  [[nodiscard]] memory::Tensor<F> project(const parallel::Context& context, const Matrix<T>& output,
                                          const Matrix<T>& output_gradient) const;
  void forward_rows(Forward& work, std::int64_t first, std::int64_t count) const;
  void forward_block(const Forward& work, const HeadParts<X>& x, const HeadBatch& heads,
                     std::int64_t first_query) const;
  void sum_over_keys(const parallel::Context& context, const HeadParts<X>& x,
                     const kernels::Dropout& dropout, std::int64_t first_query,
                     const MatrixBatch<F>& statistics, const MatrixBatch<F>& sums,
                     const Scratch& scratch) const;
  void backward_pair(const parallel::Context& context, const HeadParts<X>& x,
                     const MatrixBatch<X>& dout, const HeadParts<F>& dx, bool is_first_head,
                     const kernels::ScoreBlock& at, const kernels::Dropout& dropout,
                     const MatrixBatch<F>& log_sum_exp, const MatrixBatch<F>& projections,
                     const Scratch& scratch) const;

  CoreShape shape_;
  std::int64_t block_;
  Tensor qkv_;
  memory::Tensor<F> log_sum_exp_;  ///< of each row of scaled scores, [A b s, 1]
};

}  // namespace tidemark::model
