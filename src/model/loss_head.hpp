// SPDX-License-Identifier: BSD-3-Clause
// The upper end of the stack: final norm, output projection and cross-entropy. The vocabulary is
// divided among the ranks (Shoeybi et al., "Megatron-LM", 2019, section 3).
#pragma once

#include <cstdint>
#include <memory>

#include "config/case.hpp"
#include "kernels/cross_entropy.hpp"
#include "memory/ledger.hpp"
#include "model/norm.hpp"
#include "model/streams.hpp"
#include "parallel/column_parallel.hpp"
#include "parallel/context.hpp"

namespace tidemark::model {

///   x (., h) -> norm (., h) -> x table^T (s b, V'/t) -> cross-entropy -> loss
///
/// The table is that of the embedding (tied weights: Press and Wolf, "Using the output embedding to
/// improve language models", 2017). The Llama family has a separate table. A rank keeps only its
/// own logits, in Accumulate<T>.
template <class T>
class LossHead {
 public:
  using Tensor = memory::Tensor<T>;
  using F = Accumulate<T>;

  LossHead(parallel::ParameterStore<T>& store, parallel::Parameter<T>& table,
           const config::Case& settings, const parallel::Context& context);

  /// Takes and keeps the last layer's output [., h]. Returns the mean loss per token, in nats,
  /// which is the same on all ranks.
  double forward(const parallel::Context& context, Tensor input);
  /// Returns the gradient of the mean loss with respect to that output, in its shape. Writes the
  /// gradients of the table and of the norm. Frees what forward kept.
  Tensor backward(const parallel::Context& context);

  /// Reads the labels of this seed from the next step on.
  void draw_tokens_with(std::uint32_t seed) { tokens_.key = {seed, tokens_stream}; }

 private:
  using Projection = parallel::ColumnParallelLinear<T, F>;

  kernels::Tokens tokens_;
  kernels::VocabularyShard shard_;
  std::unique_ptr<Norm<T>> norm_;
  Projection projection_;
  parallel::Arriving<T> input_;
  memory::Tensor<F> logits_;  ///< [s b, V'/t]; after forward, their softmax
};

}  // namespace tidemark::model
