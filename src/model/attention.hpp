// SPDX-License-Identifier: BSD-3-Clause
// Multi-head self-attention (Vaswani et al., 2017). The heads are divided among the ranks. The
// heads of queries in a group may share their keys and values (Ainslie et al., "GQA", 2023).
#pragma once

#include <memory>

#include "config/case.hpp"
#include "memory/ledger.hpp"
#include "model/attention_core.hpp"
#include "model/rotary.hpp"
#include "parallel/column_parallel.hpp"
#include "parallel/context.hpp"
#include "parallel/row_parallel.hpp"

namespace tidemark::model {

/// The attention block: qkv, rotary positions in families that have them, core, proj. The kernel
/// that follows adds the bias of proj, if there is one.
///
/// The rows of qkv's unsharded weight are sorted by groups of queries. A group has its a/g q heads,
/// k and v, of d rows each. With at most g ranks, a rank has its share of the groups. With more
/// ranks than groups, t/g consecutive ranks share a group. Each has its share of the group's q
/// heads, and all of the group's k and v.
template <class T>
class Attention {
 public:
  using Tensor = memory::Tensor<T>;

  Attention(parallel::ParameterStore<T>& store, const config::Case& settings,
            const parallel::Context& context, int layer, const Rotary<T>& rotary);

  /// Normalised rows [., h] -> this rank's rows of the block's output [., h], summed over ranks.
  parallel::Arriving<T> forward(const parallel::Context& context, parallel::Arriving<T> input);
  /// Gradient of that output -> gradient of the input, both in the shape of the forward's.
  Tensor backward(const parallel::Context& context, Tensor output_gradient);
  /// Frees what forward kept, without using it.
  void forget();

  [[nodiscard]] parallel::Parameter<T>& output_bias() { return proj_.bias(); }
  /// [(a/t + 2 max(g/t, 1)) d, h], for measuring the machine's product rate.
  [[nodiscard]] parallel::Parameter<T>& qkv_weight() { return qkv_.weight(); }

 private:
  const Rotary<T>& rotary_;
  parallel::ColumnParallelLinear<T> qkv_;
  std::unique_ptr<AttentionCore<T>> core_;
  parallel::RowParallelLinear<T> proj_;
};

}  // namespace tidemark::model
