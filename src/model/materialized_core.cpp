// SPDX-License-Identifier: BSD-3-Clause
#include "model/materialized_core.hpp"

#include <algorithm>
#include <memory>
#include <type_traits>
#include <utility>

#include "base/scalars.hpp"
#include "kernels/gemm.hpp"

namespace tidemark::model {

namespace {

using kernels::gemm_batch;
using kernels::Op;
using memory::TensorClass;
using parallel::Context;

}  // namespace

template <class T, class X>
MaterializedCore<T, X>::MaterializedCore(const CoreShape& shape, std::int64_t block,
                                         bool recomputes)
    : shape_(shape),
      block_(shape.causal ? std::min(block, shape.length) : shape.length),
      score_shape_{shape.scale, shape.causal, rows_between_heads(shape) * shape.length, 0,
                   !std::is_same_v<T, X>},
      recomputes_(recomputes) {}

template <class T, class X>
typename MaterializedCore<T, X>::Weights MaterializedCore<T, X>::make_weights(
    const Context& context, std::int64_t score_rows, TensorClass tensor_class) const {
  Weights weights;
  weights.probabilities = context.ledger.tensor<T>("softmax output", shape_.layer, tensor_class,
                                                   score_rows, shape_.length);
  if (shape_.dropout.active) {
    weights.mask = context.ledger.tensor<std::uint8_t>("attention dropout mask", shape_.layer,
                                                       tensor_class, score_rows, shape_.length);
    weights.dropped = context.ledger.tensor<T>("attention dropout output", shape_.layer,
                                               tensor_class, score_rows, shape_.length);
  }
  return weights;
}

/// The weights of a batch of heads: part of the kept ones, or `local`, which has room for one
/// batch.
template <class T, class X>
typename MaterializedCore<T, X>::HeadWeights MaterializedCore<T, X>::of_heads(
    const Weights& local, const HeadBatch& heads) const {
  const auto part = [&](const auto& kept, const auto& here) {
    return recomputes_ ? batch_in(here.data(), heads.groups.count, shape_.length, shape_.length)
                       : head_rows(shape_, kept.view(), heads);
  };
  HeadWeights weights;
  weights.probabilities = part(weights_.probabilities, local.probabilities);
  weights.dropped = weights.probabilities;
  if (shape_.dropout.active) {
    weights.mask = part(weights_.mask, local.mask);
    weights.dropped = part(weights_.dropped, local.dropped);
  }
  return weights;
}

/// The rows of the weights that belong to some queries [n, s].
template <class T, class X>
typename MaterializedCore<T, X>::HeadWeights MaterializedCore<T, X>::rows_of(
    const HeadWeights& weights, const Positions& queries) const {
  const auto part = [&](const auto& whole) { return rows(whole, queries.first, queries.count); };
  HeadWeights result;
  result.probabilities = part(weights.probabilities);
  result.dropped = part(weights.dropped);
  if (shape_.dropout.active) result.mask = part(weights.mask);
  return result;
}

/// The memory for raw scores: that of the probabilities, unless their type is too narrow.
template <class T, class X>
MatrixBatch<Accumulate<T>> MaterializedCore<T, X>::scores_of(
    const HeadWeights& weights, const MatrixBatch<F>& workspace) const {
  if constexpr (is_narrow<T>) {
    return workspace;
  } else {
    return weights.probabilities;
  }
}

/// The factor of the values, after `compute` into these scores.
template <class T, class X>
MatrixBatch<X> MaterializedCore<T, X>::multiplier(const HeadWeights& weights,
                                                  const MatrixBatch<F>& scores) const {
  if constexpr (!std::is_same_v<T, X>) {
    return scores;
  } else {
    return weights.dropped;
  }
}

/// The keys that some of these queries see, up to the end of the block of scores. They are the
/// first ones.
template <class T, class X>
std::int64_t MaterializedCore<T, X>::keys_of(const Positions& queries) const {
  const std::int64_t last = queries.first + queries.count - 1;
  return std::min(shape_.length, (last / block_ + 1) * block_);
}

/// Scores and softmax of n queries of a batch of heads, which are in one block. `weights` and
/// `scores` are those of the queries [n, s].
template <class T, class X>
void MaterializedCore<T, X>::compute(const Context& context, const HeadParts<X>& x,
                                     const HeadBatch& heads, const Positions& queries,
                                     const HeadWeights& weights,
                                     const MatrixBatch<F>& scores) const {
  const std::int64_t keys = keys_of(queries);
  // (n, d) x (keys, d)^T -> (n, keys)
  gemm_batch(context.device, Op::none, Op::transpose, F(1), rows(x.q, queries.first, queries.count),
             rows(x.k, 0, keys), F(0), columns(scores, 0, keys));
  kernels::ScoreShape score_shape = score_shape_;
  score_shape.first_query = queries.first;
  kernels::softmax_dropout_forward<T>(context.device, score_shape,
                                      shape_.dropout_from(first_row(shape_, heads) + queries.first),
                                      scores, weights.probabilities, weights.mask, weights.dropped);
}

/// The state of the forward direction until its last rows are made.
template <class T, class X>
struct MaterializedCore<T, X>::Forward {
  Context context;  ///< a copy, because it outlives the call that started it
  Matrix<T> out;    ///< the core output
  Weights local;
  memory::Tensor<F> scores;
  Panel<T, X> qkv_panel;
  Panel<T, X> out_panel;
};

template <class T, class X>
parallel::RowsOnDemand<T> MaterializedCore<T, X>::forward(const Context& context, Tensor qkv) {
  const std::int64_t s = shape_.length;
  const std::int64_t d = shape_.head_size;
  const std::int64_t rows_at_once = shape_.groups_at_once * s;
  qkv_ = std::move(qkv);
  Weights local;
  if (recomputes_) {
    local = make_weights(context, rows_at_once, TensorClass::workspace);
  } else {
    weights_ = make_weights(context, shape_.heads * shape_.batch * s, context.kept);
  }
  Tensor out = context.ledger.tensor<T>("proj input", shape_.layer, context.kept, context.tokens,
                                        shape_.heads * d);
  memory::Tensor<F> workspace;
  if constexpr (is_narrow<T>) {
    workspace =
        context.ledger.tensor<F>("scores", shape_.layer, TensorClass::workspace, rows_at_once, s);
  }
  const Matrix<T> rows_of_out = out.view();
  const auto work = std::make_shared<const Forward>(
      Forward{context, rows_of_out, std::move(local), std::move(workspace),
              Panel<T, X>(context, shape_, "group's q, k, v", shape_.group_width()),
              Panel<T, X>(context, shape_, "head's core output", d)});
  return {std::move(out), [this, work](std::int64_t first, std::int64_t count) {
            forward_rows(*work, first, count);
          }};
}

// Works batch by batch. On a host it works head by head, so that the softmax finds the scores in
// the cache.
template <class T, class X>
void MaterializedCore<T, X>::forward_rows(const Forward& work, std::int64_t first,
                                          std::int64_t count) const {
  const Context& context = work.context;
  for_each_batch(context, shape_, [&](const GroupBatch& groups) {
    const Positions queries = positions_in(shape_, groups.sequence, first, count);
    if (queries.count == 0) return;
    const MatrixBatch<X> of_groups =
        work.qkv_panel.load(context.device, group_columns(shape_, qkv_.view(), groups));
    for_each_head(shape_, groups, [&](const HeadBatch& heads) {
      for_each_block(queries, block_, [&](const Positions& block) {
        forward_block(work, parts_of(shape_, of_groups, heads.index), heads, block);
      });
      if (context.takes_apart() && context.polls()) context.communicator.poll();
    });
  });
}

/// out = beta out + weights^T x, block by block of keys: only the queries count that see keys of
/// the block. weights [s, s], x and out [s, d].
template <class T, class X>
void MaterializedCore<T, X>::multiply_by_keys(Device& device, const MatrixBatch<X>& weights,
                                              const MatrixBatch<X>& x, F beta,
                                              const MatrixBatch<F>& out) const {
  const std::int64_t s = shape_.length;
  for_each_block({0, s}, block_, [&](const Positions& keys) {
    const std::int64_t first = keys.first;
    // (n, keys)^T x (n, d) -> (keys, d)
    gemm_batch(device, Op::transpose, Op::none, F(1),
               columns(rows(weights, first, s - first), keys.first, keys.count),
               rows(x, first, s - first), beta, rows(out, keys.first, keys.count));
  });
}

/// The core output of queries in one block, for each head of a batch.
template <class T, class X>
void MaterializedCore<T, X>::forward_block(const Forward& work, const HeadParts<X>& x,
                                           const HeadBatch& heads, const Positions& queries) const {
  const Context& context = work.context;
  const HeadWeights weights = rows_of(of_heads(work.local, heads), queries);
  const MatrixBatch<F> scores = scores_of(
      weights, batch_in(work.scores.data(), heads.groups.count, queries.count, shape_.length));
  compute(context, x, heads, queries, weights, scores);
  const std::int64_t keys = keys_of(queries);
  const MatrixBatch<T> target =
      rows(head_columns(shape_, work.out, heads), queries.first, queries.count);
  // (n, keys) x (keys, d) -> (n, d)
  gemm_batch(context.device, Op::none, Op::none, F(1),
             columns(multiplier(weights, scores), 0, keys), rows(x.v, 0, keys), F(0),
             work.out_panel.target(target));
  work.out_panel.store(context.device, target);
}

// The gradients of a group's keys and values are the sums over its heads.
template <class T, class X>
memory::Tensor<T> MaterializedCore<T, X>::backward(const Context& context, Tensor,
                                                   Tensor output_gradient) {
  const std::int64_t s = shape_.length;
  const std::int64_t rows_at_once = shape_.groups_at_once * s;
  Tensor qkv_gradient =
      context.ledger.tensor<T>("qkv gradient", shape_.layer, TensorClass::transient, context.tokens,
                               shape_.groups * shape_.group_width());
  Weights local;
  if (recomputes_) local = make_weights(context, rows_at_once, TensorClass::workspace);
  const memory::Tensor<F> score_gradient = context.ledger.tensor<F>(
      "score gradient", shape_.layer, TensorClass::workspace, rows_at_once, s);
  const Panel<T, X> qkv_panel(context, shape_, "group's q, k, v", shape_.group_width());
  const Panel<T, X> dout_panel(context, shape_, "head's core output gradient", shape_.head_size);
  const Panel<T, F> dqkv_panel(context, shape_, "group's q, k, v gradient", shape_.group_width());
  const ScoreFactor<T, X> score_factor(context, shape_, s, s);
  Device& device = context.device;
  for_each_batch(context, shape_, [&](const GroupBatch& groups) {
    const MatrixBatch<X> of_groups =
        qkv_panel.load(device, group_columns(shape_, qkv_.view(), groups));
    const MatrixBatch<T> target = group_columns(shape_, qkv_gradient.view(), groups);
    const MatrixBatch<F> group_gradients = dqkv_panel.target(target);
    const MatrixBatch<F> dscores = batch_in(score_gradient.data(), groups.count, s, s);
    for_each_head(shape_, groups, [&](const HeadBatch& heads) {
      const HeadWeights weights = of_heads(local, heads);
      const HeadParts<X> x = parts_of(shape_, of_groups, heads.index);
      const HeadParts<F> dx = parts_of(shape_, group_gradients, heads.index);
      const F after_heads = heads.index == 0 ? F(0) : F(1);
      const MatrixBatch<X> dout =
          dout_panel.load(device, head_columns(shape_, output_gradient.view(), heads));
      if (recomputes_) {
        for_each_block({0, s}, block_, [&](const Positions& block) {
          compute(context, x, heads, block, rows_of(weights, block),
                  rows(scores_of(weights, dscores), block.first, block.count));
        });
      } else if constexpr (!std::is_same_v<T, X>) {
        kernels::convert(device, weights.dropped, dscores);
      }
      // dV
      multiply_by_keys(device, multiplier(weights, dscores), dout, after_heads, dx.v);
      for_each_block({0, s}, block_, [&](const Positions& block) {
        const std::int64_t keys = keys_of(block);
        // dD: (n, d) x (keys, d)^T -> (n, keys)
        gemm_batch(device, Op::none, Op::transpose, F(1), rows(dout, block.first, block.count),
                   rows(x.v, 0, keys), F(0),
                   columns(rows(dscores, block.first, block.count), 0, keys));
      });
      kernels::softmax_dropout_backward<T>(device, score_shape_, shape_.dropout,
                                           weights.probabilities, weights.mask, dscores);
      const MatrixBatch<X> dscores_factor = score_factor.of(device, dscores);
      for_each_block({0, s}, block_, [&](const Positions& block) {
        const std::int64_t keys = keys_of(block);
        // dQ: (n, keys) x (keys, d) -> (n, d)
        gemm_batch(device, Op::none, Op::none, F(1),
                   columns(rows(dscores_factor, block.first, block.count), 0, keys),
                   rows(x.k, 0, keys), F(0), rows(dx.q, block.first, block.count));
      });
      // dK
      multiply_by_keys(device, dscores_factor, x.q, after_heads, dx.k);
    });
    dqkv_panel.store(device, target);
  });
  forget();
  return qkv_gradient;
}

template <class T, class X>
void MaterializedCore<T, X>::forget() {
  qkv_.reset();
  weights_ = {};
}

TIDEMARK_INSTANTIATE_CORE(MaterializedCore)

}  // namespace tidemark::model
