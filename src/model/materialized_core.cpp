#include "model/materialized_core.hpp"

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
Matrix<Accumulate<T>> MaterializedCore<T>::multiplier(const HeadWeights& weights,
                                                      const Matrix<F>& scores) const {
  if constexpr (is_narrow<T>) {
    return scores;
  } else {
    return weights.dropped;
  }
}

/// Scores and softmax of one head and sequence, qkv [s, 3d].
template <class T>
void MaterializedCore<T>::compute(const Context& context, const Matrix<F>& qkv,
                                  std::int64_t first_row, const HeadWeights& weights,
                                  const Matrix<F>& scores) const {
  const std::int64_t d = shape_.head_size;
  // (s, d) x (s, d)^T -> (s, s)
  gemm(context.device, Op::none, Op::transpose, F(1), columns(qkv, 0, d), columns(qkv, d, d), F(0),
       scores);
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
  const HeadPanel<T> qkv_panel(context, shape_, "head's q, k, v", 3 * d);
  const HeadPanel<T> out_panel(context, shape_, "head's context", d);
  for_each_head(context, shape_, [&](std::int64_t head, std::int64_t sequence) {
    const std::int64_t first_row = shape_.first_row(head, sequence);
    const HeadWeights weights = recomputes_ ? of_head(local, 0) : of_head(weights_, first_row);
    const Matrix<F> scores = scores_of(weights, workspace.view());
    const Matrix<F> x = qkv_panel.load(
        context.device, sequence_columns(shape_, qkv_.view(), sequence, head * 3 * d, 3 * d));
    compute(context, x, first_row, weights, scores);
    const Matrix<T> target = sequence_columns(shape_, out.view(), sequence, head * d, d);
    // (s, s) x (s, d) -> (s, d)
    gemm(context.device, Op::none, Op::none, F(1), multiplier(weights, scores),
         columns(x, 2 * d, d), F(0), out_panel.target(target));
    out_panel.store(context.device, target);
  });
  return out;
}

template <class T>
memory::Tensor<T> MaterializedCore<T>::backward(const Context& context, Tensor,
                                                Tensor output_gradient) {
  const std::int64_t s = shape_.length;
  const std::int64_t d = shape_.head_size;
  Tensor qkv_gradient = context.ledger.tensor<T>(
      "qkv gradient", shape_.layer, TensorClass::transient, context.tokens, 3 * shape_.heads * d);
  Weights local;
  if (recomputes_) local = make_weights(context, s, TensorClass::workspace);
  const memory::Tensor<F> score_gradient =
      context.ledger.tensor<F>("score gradient", shape_.layer, TensorClass::workspace, s, s);
  const HeadPanel<T> qkv_panel(context, shape_, "head's q, k, v", 3 * d);
  const HeadPanel<T> dout_panel(context, shape_, "head's context gradient", d);
  const HeadPanel<T> dqkv_panel(context, shape_, "head's q, k, v gradient", 3 * d);
  const Matrix<F> dscores = score_gradient.view();
  Device& device = context.device;
  for_each_head(context, shape_, [&](std::int64_t head, std::int64_t sequence) {
    const std::int64_t first_row = shape_.first_row(head, sequence);
    const HeadWeights weights = recomputes_ ? of_head(local, 0) : of_head(weights_, first_row);
    const Matrix<F> x = qkv_panel.load(
        device, sequence_columns(shape_, qkv_.view(), sequence, head * 3 * d, 3 * d));
    const Matrix<F> dout = dout_panel.load(
        device, sequence_columns(shape_, output_gradient.view(), sequence, head * d, d));
    const Matrix<T> target =
        sequence_columns(shape_, qkv_gradient.view(), sequence, head * 3 * d, 3 * d);
    const Matrix<F> dx = dqkv_panel.target(target);
    if (recomputes_) {
      compute(context, x, first_row, weights, scores_of(weights, dscores));
    } else if constexpr (is_narrow<T>) {
      kernels::convert(device, weights.dropped, dscores);
    }
    // dV: (s, s)^T x (s, d) -> (s, d)
    gemm(device, Op::transpose, Op::none, F(1), multiplier(weights, dscores), dout, F(0),
         columns(dx, 2 * d, d));
    // dD: (s, d) x (s, d)^T -> (s, s)
    gemm(device, Op::none, Op::transpose, F(1), dout, columns(x, 2 * d, d), F(0), dscores);
    kernels::softmax_dropout_backward(device, score_shape_, shape_.dropout, weights.probabilities,
                                      weights.mask, dscores);
    // dQ: (s, s) x (s, d) -> (s, d);  dK: (s, s)^T x (s, d) -> (s, d)
    gemm(device, Op::none, Op::none, F(1), dscores, columns(x, d, d), F(0), columns(dx, 0, d));
    gemm(device, Op::transpose, Op::none, F(1), dscores, columns(x, 0, d), F(0), columns(dx, d, d));
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
