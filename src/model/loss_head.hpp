// The upper end of the stack: final norm, output projection and cross-entropy, the vocabulary
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
/// The table is the embedding's (tied weights: Press and Wolf, "Using the output embedding to
/// improve language models", 2017), but in the Llama family one of its own. Logits are kept in
/// Accumulate<T>, and only a rank's own.
template <class T>
class LossHead {
 public:
  using Tensor = memory::Tensor<T>;
  using F = Accumulate<T>;

  LossHead(parallel::ParameterStore<T>& store, parallel::Parameter<T>& table,
           const config::Case& settings, const parallel::Context& context);

  /// Takes and keeps the last layer's output [., h]; returns the mean loss of a token, in nats; the
  /// same on all ranks.
  double forward(const parallel::Context& context, Tensor input);
  /// Gradient of the mean loss by that output, in its shape; writes the table's gradient and the
  /// norm's, and frees what forward kept.
  Tensor backward(const parallel::Context& context);

  /// From the next step on, reads the labels of this seed.
  void draw_tokens_with(std::uint32_t seed) { tokens_.key = {seed, tokens_stream}; }

 private:
  using Projection = parallel::ColumnParallelLinear<T, F>;

  kernels::Tokens tokens_;
  kernels::VocabularyShard shard_;
  std::unique_ptr<Norm<T>> norm_;
  Projection projection_;
  parallel::Arriving<T> input_;
  memory::Tensor<F> logits_;  ///< [s b, V'/t]; after forward their softmax
};

}  // namespace tidemark::model
