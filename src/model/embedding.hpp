// The lower end of the stack: the vocabulary-parallel embedding of synthetic tokens, and its
// dropout (Shoeybi et al., "Megatron-LM", 2019; sharded along the sequence: Korthikanti et al.,
// 2022).
#pragma once

#include <cstdint>

#include "config/case.hpp"
#include "kernels/dropout.hpp"
#include "kernels/embedding.hpp"
#include "memory/ledger.hpp"
#include "model/layer.hpp"
#include "model/streams.hpp"
#include "parallel/context.hpp"
#include "parallel/parameters.hpp"

namespace tidemark::model {

/// The tokens that a case reads.
kernels::Tokens tokens_of(const config::Case& settings);

/// x = dropout(table[ids]); the table [V', h] is divided by rows, V' being V padded to a multiple
/// of t. Without position embedding, which would add no activation.
template <class T>
class Embedding {
 public:
  using Tensor = memory::Tensor<T>;

  Embedding(parallel::ParameterStore<T>& store, const config::Case& settings,
            const parallel::Context& context);

  /// The first layer's input: whole [s b, h], or a shard [s b / t, h] under SP.
  Tensor forward(const parallel::Context& context, const OutputEntry& output);
  /// Writes the gradient of the table that comes of x's, or adds it to what an output projection
  /// that shares the table has written.
  void backward(const parallel::Context& context, Tensor gradient);

  /// The table's rows of this rank [V'/t, h].
  [[nodiscard]] parallel::Parameter<T>& weight() { return weight_; }

  /// From the next step on, reads the tokens of this seed.
  void draw_tokens_with(std::uint32_t seed) { tokens_.key = {seed, tokens_stream}; }

 private:
  kernels::Tokens tokens_;
  bool is_tied_;  ///< the output projection shares the table
  kernels::Dropout dropout_;
  parallel::Parameter<T>& weight_;
  memory::Tensor<std::uint8_t> mask_;  ///< [., h], empty without dropout
};

}  // namespace tidemark::model
