// SPDX-License-Identifier: BSD-3-Clause
// Attention that holds the scores of all queries and keys in memory. It keeps those of all heads
// for the backward pass. With selective recomputation (Korthikanti et al., 2022), it holds one
// batch of heads at a time, and computes their scores again in the backward pass.
#pragma once

#include <cstdint>

#include "kernels/softmax.hpp"
#include "model/attention_core.hpp"

namespace tidemark::model {

template <class T, class X>
class MaterializedCore final : public AttentionCore<T> {
 public:
  using Tensor = memory::Tensor<T>;
  using F = Accumulate<T>;

  MaterializedCore(const CoreShape& shape, std::int64_t block, bool recomputes);

  parallel::RowsOnDemand<T> forward(const parallel::Context& context, Tensor qkv) override;
  Tensor backward(const parallel::Context& context, Tensor output, Tensor output_gradient) override;
  [[nodiscard]] bool needs_output() const override { return false; }
  void forget() override;

 private:
  /// The results of the softmax for some rows of scores [R, s].
  struct Weights {
    Tensor probabilities;
    memory::Tensor<std::uint8_t> mask;  ///< empty without dropout
    Tensor dropped;                     ///< empty without dropout
  };
  /// The part of the weights that belongs to a batch of heads [s, s].
  struct HeadWeights {
    MatrixBatch<T> probabilities;
    MatrixBatch<std::uint8_t> mask;
    MatrixBatch<T> dropped;  ///< the factor of the values: the probabilities if there is no dropout
  };

  [[nodiscard]] Weights make_weights(const parallel::Context& context, std::int64_t rows,
                                     memory::TensorClass tensor_class) const;
  [[nodiscard]] HeadWeights of_heads(const Weights& local, const HeadBatch& heads) const;
  [[nodiscard]] HeadWeights rows_of(const HeadWeights& weights, const Positions& queries) const;
  struct Forward;
  void forward_rows(const Forward& work, std::int64_t first, std::int64_t count) const;
  [[nodiscard]] std::int64_t keys_of(const Positions& queries) const;
  void forward_block(const Forward& work, const HeadParts<X>& x, const HeadBatch& heads,
                     const Positions& queries) const;
  void multiply_by_keys(Device& device, const MatrixBatch<X>& weights, const MatrixBatch<X>& x,
                        F beta, const MatrixBatch<F>& out) const;
  void compute(const parallel::Context& context, const HeadParts<X>& x, const HeadBatch& heads,
               const Positions& queries, const HeadWeights& weights,
               const MatrixBatch<F>& scores) const;
  [[nodiscard]] MatrixBatch<F> scores_of(const HeadWeights& weights,
                                         const MatrixBatch<F>& workspace) const;
  [[nodiscard]] MatrixBatch<X> multiplier(const HeadWeights& weights,
                                          const MatrixBatch<F>& scores) const;

  CoreShape shape_;
  std::int64_t block_;  ///< of queries and keys whose hidden scores are skipped; s without the mask
  kernels::ScoreShape score_shape_;
  bool recomputes_;
  Tensor qkv_;
  Weights weights_;  ///< of all heads, unless they are recomputed
};

}  // namespace tidemark::model
