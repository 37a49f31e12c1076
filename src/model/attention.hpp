// Multi-head self-attention (Vaswani et al., 2017), the heads divided among the ranks; groups of
// queries may share their keys and values (Ainslie et al., "GQA", 2023).
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

/// The attention block: qkv, turned by their positions in families that do, core, proj. Its output
/// still lacks the bias of proj, if there is one.
///
/// Rows of qkv's weight, unsharded, go by group of queries: its a/g q heads, k, v, of d rows each.
/// A rank has its share of the groups; or, where there are more ranks than groups, its own share of
/// the q heads of one of them, and all of that group's k and v, as each of its t/g neighbours has.
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
  /// Frees what forward kept, unused.
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
