#include "model/materialized_core.hpp"

#include <type_traits>
#include <utility>

#include "kernels/gemm.hpp"

namespace tidemark::model {

namespace {

using kernels::gemm;
using kernels::Op;
using memory::TensorClass;
using parallel::Context;

}  // namespace

template <class T>
MaterializedCore<T>::MaterializedCore(const CoreShape& shape, bool recomputes)
    : shape_(shape), score_shape_{shape.scale, shape.causal}, recomputes_(recomputes) {}

template <class T>
typename MaterializedCore<T>::Weights MaterializedCore<T>::make_weights(
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

template <class T>
typename MaterializedCore<T>::HeadWeights MaterializedCore<T>::of_head(
    const Weights& weights, std::int64_t first_row) const {
  HeadWeights part;
  part.probabilities = rows(weights.probabilities.view(), first_row, shape_.length);
  part.dropped = part.probabilities;
  if (shape_.dropout.active) {
    part.mask = rows(weights.mask.view(), first_row, shape_.length);
    part.dropped = rows(weights.dropped.view(), first_row, shape_.length);
  }
  return part;
}

/// Where raw scores go: into the memory of the probabilities, unless that is too narrow.
template <class T>
Matrix<Accumulate<T>> MaterializedCore<T>::scores_of(const HeadWeights& weights,
                                                     const Matrix<F>& workspace) const {
  if constexpr (is_narrow<T>) {
    return workspace;
  } else {
    return weights.probabilities;
  }
}

/// What multiplies the values, after `compute` into these scores.
template <class T>
Matrix<kernels::Factor<T>> MaterializedCore<T>::multiplier(const HeadWeights& weights,
                                                           const Matrix<F>& scores) const {
  if constexpr (!std::is_same_v<T, X>) {
    return scores;
  } else {
    return weights.dropped;
  }
}

/// Scores and softmax of one head and sequence.
template <class T>
void MaterializedCore<T>::compute(const Context& context, const HeadParts<X>& x,
                                  std::int64_t first_row, const HeadWeights& weights,
                                  const Matrix<F>& scores) const {
  // (s, d) x (s, d)^T -> (s, s)
  gemm(context.device, Op::none, Op::transpose, F(1), x.q, x.k, F(0), scores);
  kernels::softmax_dropout_forward(context.device, score_shape_, shape_.dropout_from(first_row),
                                   scores, weights.probabilities, weights.mask, weights.dropped);
}

// Head by head, so that the scores are still in cache when the softmax reads them.
template <class T>
memory::Tensor<T> MaterializedCore<T>::forward(const Context& context, Tensor qkv) {
  const std::int64_t s = shape_.length;
  const std::int64_t d = shape_.head_size;
  qkv_ = std::move(qkv);
  Weights local;
  if (recomputes_) {
    local = make_weights(context, s, TensorClass::workspace);
  } else {
    weights_ = make_weights(context, shape_.heads * shape_.batch * s, context.kept);
  }
  Tensor out = context.ledger.tensor<T>("proj input", shape_.layer, context.kept, context.tokens,
                                        shape_.heads * d);
  memory::Tensor<F> workspace;
  if constexpr (is_narrow<T>) {
    workspace = context.ledger.tensor<F>("scores", shape_.layer, TensorClass::workspace, s, s);
  }
  const Panel<T> qkv_panel(context, shape_, "group's q, k, v", shape_.group_width());
  const Panel<T> out_panel(context, shape_, "head's context", d);
  for_each_group(context, shape_, [&](std::int64_t group, std::int64_t sequence) {
    const Matrix<X> of_group =
        qkv_panel.load(context.device, group_columns(shape_, qkv_.view(), group, sequence));
    for_each_head(shape_, group, [&](std::int64_t index, std::int64_t head) {
      const std::int64_t first_row = shape_.first_row(head, sequence);
      const HeadWeights weights = recomputes_ ? of_head(local, 0) : of_head(weights_, first_row);
      const Matrix<F> scores = scores_of(weights, workspace.view());
      const HeadParts<X> x = parts_of(shape_, of_group, index);
      compute(context, x, first_row, weights, scores);
      const Matrix<T> target = head_columns(shape_, out.view(), head, sequence);
      // (s, s) x (s, d) -> (s, d)
      gemm(context.device, Op::none, Op::none, F(1), multiplier(weights, scores), x.v, F(0),
           out_panel.target(target));
      out_panel.store(context.device, target);
    });
  });
  return out;
}

// The gradients of a group's keys and values are the sums over its heads.
template <class T>
memory::Tensor<T> MaterializedCore<T>::backward(const Context& context, Tensor,
                                                Tensor output_gradient) {
  const std::int64_t s = shape_.length;
  Tensor qkv_gradient =
      context.ledger.tensor<T>("qkv gradient", shape_.layer, TensorClass::transient, context.tokens,
                               shape_.groups * shape_.group_width());
  Weights local;
  if (recomputes_) local = make_weights(context, s, TensorClass::workspace);
  const memory::Tensor<F> score_gradient =
      context.ledger.tensor<F>("score gradient", shape_.layer, TensorClass::workspace, s, s);
  const Panel<T> qkv_panel(context, shape_, "group's q, k, v", shape_.group_width());
  const Panel<T> dout_panel(context, shape_, "head's context gradient", shape_.head_size);
  const Panel<T, F> dqkv_panel(context, shape_, "group's q, k, v gradient", shape_.group_width());
  const ScoreFactor<T> score_factor(context, shape_, s, s);
  const Matrix<F> dscores = score_gradient.view();
  Device& device = context.device;
  for_each_group(context, shape_, [&](std::int64_t group, std::int64_t sequence) {
    const Matrix<X> of_group =
        qkv_panel.load(device, group_columns(shape_, qkv_.view(), group, sequence));
    const Matrix<T> target = group_columns(shape_, qkv_gradient.view(), group, sequence);
    const Matrix<F> group_gradient = dqkv_panel.target(target);
    for_each_head(shape_, group, [&](std::int64_t index, std::int64_t head) {
      const std::int64_t first_row = shape_.first_row(head, sequence);
      const HeadWeights weights = recomputes_ ? of_head(local, 0) : of_head(weights_, first_row);
      const HeadParts<X> x = parts_of(shape_, of_group, index);
      const HeadParts<F> dx = parts_of(shape_, group_gradient, index);
      const F after_heads = index == 0 ? F(0) : F(1);
      const Matrix<X> dout =
          dout_panel.load(device, head_columns(shape_, output_gradient.view(), head, sequence));
      if (recomputes_) {
        compute(context, x, first_row, weights, scores_of(weights, dscores));
      } else if constexpr (!std::is_same_v<T, X>) {
        kernels::convert(device, weights.dropped, dscores);
      }
      // dV: (s, s)^T x (s, d) -> (s, d)
      gemm(device, Op::transpose, Op::none, F(1), multiplier(weights, dscores), dout, after_heads,
           dx.v);
      // dD: (s, d) x (s, d)^T -> (s, s)
      gemm(device, Op::none, Op::transpose, F(1), dout, x.v, F(0), dscores);
      kernels::softmax_dropout_backward(device, score_shape_, shape_.dropout, weights.probabilities,
                                        weights.mask, dscores);
      const Matrix<X> dscores_factor = score_factor.of(device, dscores);
      // dQ: (s, s) x (s, d) -> (s, d);  dK: (s, s)^T x (s, d) -> (s, d)
      gemm(device, Op::none, Op::none, F(1), dscores_factor, x.k, F(0), dx.q);
      gemm(device, Op::transpose, Op::none, F(1), dscores_factor, x.q, after_heads, dx.k);
    });
    dqkv_panel.store(device, target);
  });
  forget();
  return qkv_gradient;
}

template <class T>
void MaterializedCore<T>::forget() {
  qkv_.reset();
  weights_ = {};
}

template class MaterializedCore<bfloat16>;
template class MaterializedCore<float>;
template class MaterializedCore<double>;

}  // namespace tidemark::model
