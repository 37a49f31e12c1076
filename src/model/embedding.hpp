// SPDX-License-Identifier: BSD-3-Clause
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

/// x = dropout(table[ids]). The table [V', h] is divided by rows. V' is V padded to a multiple of
/// t. There is no position embedding, because it would add no activation.
template <class T>
class Embedding {
 public:
  using Tensor = memory::Tensor<T>;

  Embedding(parallel::ParameterStore<T>& store, const config::Case& settings,
            const parallel::Context& context);

  /// The first layer's input: whole [s b, h], or a shard [s b / t, h] under SP.
  Tensor forward(const parallel::Context& context, const OutputEntry& output);
  /// Writes the table's gradient, which follows from that of x. If an output projection shares the
  /// table, it adds to what the projection has written.
  void backward(const parallel::Context& context, Tensor gradient);

  /// The table's rows of this rank [V'/t, h].
  [[nodiscard]] parallel::Parameter<T>& weight() { return weight_; }

  /// Reads the tokens of this seed from the next step on.
  void draw_tokens_with(std::uint32_t seed) { tokens_.key = {seed, tokens_stream}; }

 private:
  kernels::Tokens tokens_;
  bool is_tied_;  ///< the output projection shares the table
  kernels::Dropout dropout_;
  parallel::Parameter<T>& weight_;
  memory::Tensor<std::uint8_t> mask_;  ///< [., h], empty without dropout
};

}  // namespace tidemark::model
