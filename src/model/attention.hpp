// Multi-head self-attention (Vaswani et al., 2017), the heads divided among the ranks.
#pragma once

#include <cstdint>

#include "config/case.hpp"
#include "kernels/dropout.hpp"
#include "kernels/softmax.hpp"
#include "memory/ledger.hpp"
#include "parallel/context.hpp"
#include "parallel/linear.hpp"

namespace tidemark::model {

/// Everything between q, k, v and the input of proj, for the heads of one rank; the scores are
/// materialized. All matrix rows are tokens, s-major: row i b + m is position i of sequence m.
///
///   qkv (s b, A 3 d) -> scores (A b s, s) -> softmax -> dropout -> x v -> context (s b, A d)
///
/// with A = a/t local heads, whose columns in qkv are q, k, v of d columns each.
template <class T>
class MaterializedCore {
 public:
  using Tensor = memory::Tensor<T>;

  MaterializedCore(const config::Case& settings, const parallel::Context& context, int layer);

  /// Takes and keeps qkv; returns the context, the input of proj.
  Tensor forward(const parallel::Context& context, Tensor qkv);

  /// Gradient of the context -> gradient of qkv; frees what forward kept.
  Tensor backward(const parallel::Context& context, Tensor context_gradient);

 private:
  struct Head;
  [[nodiscard]] Head head(std::int64_t local_head, std::int64_t sequence) const;
  [[nodiscard]] Matrix<T> sequence_columns(const Matrix<T>& tokens, std::int64_t sequence,
                                           std::int64_t first_column) const;
  void allocate_probabilities(const parallel::Context& context);
  void free_saved();

  int layer_;
  std::int64_t heads_;      ///< A = a/t, local
  std::int64_t head_size_;  ///< d
  std::int64_t length_;     ///< s
  std::int64_t batch_;      ///< b
  kernels::ScoreShape shape_;
  kernels::Dropout dropout_;

  Tensor qkv_;
  Tensor probabilities_;               ///< softmax output [A b s, s]
  memory::Tensor<std::uint8_t> mask_;  ///< [A b s, s], empty without dropout
  Tensor dropped_;                     ///< dropout output [A b s, s], empty without dropout
};

/// The attention block: qkv, core, proj. Its output still lacks the bias of proj.
template <class T>
class Attention {
 public:
  using Tensor = memory::Tensor<T>;

  Attention(parallel::ParameterStore<T>& store, const config::Case& settings,
            const parallel::Context& context, int layer);

  /// Normalised rows [., h] -> this rank's rows of the block's output [., h], summed over ranks.
  Tensor forward(const parallel::Context& context, Tensor input);
  /// Gradient of that output -> gradient of the input, both in the shape of the forward's.
  Tensor backward(const parallel::Context& context, Tensor output_gradient);

  [[nodiscard]] parallel::Parameter<T>& output_bias() { return proj_.bias(); }
  /// [3h/t, h], for measuring the machine's product rate.
  [[nodiscard]] parallel::Parameter<T>& qkv_weight() { return qkv_.weight(); }

 private:
  parallel::ColumnParallelLinear<T> qkv_;
  MaterializedCore<T> core_;
  parallel::RowParallelLinear<T> proj_;
};

}  // namespace tidemark::model
