#include "model/blocked_core.hpp"

#include <algorithm>
#include <utility>

#include "kernels/gemm.hpp"

namespace tidemark::model {

namespace {

using kernels::Dropout;
using kernels::gemm;
using kernels::Op;
using kernels::ScoreBlock;
using memory::TensorClass;
using parallel::Context;

/// The elements [first, first + count) of a vector.
template <class F>
Vector<F> part(const Vector<F>& vector, std::int64_t first, std::int64_t count) {
  return Vector<F>(vector.data() + first, static_cast<std::size_t>(count));
}

/// The first rows and columns of a workspace, as a contiguous matrix.
template <class F>
Matrix<F> corner(const memory::Tensor<F>& workspace, std::int64_t row_count,
                 std::int64_t column_count) {
  return Matrix<F>(workspace.data(), static_cast<std::size_t>(row_count),
                   static_cast<std::size_t>(column_count));
}

}  // namespace

/// Workspaces of one direction, for blocks of N positions.
template <class T>
struct BlockedCore<T>::Scratch {
  memory::Tensor<F> scores;      ///< [N, N]
  memory::Tensor<F> gradient;    ///< [N, N], backward
  memory::Tensor<F> statistics;  ///< [N, 2], forward
  memory::Tensor<F> sums;        ///< [N, d], forward
  ScoreFactor<T> factor;         ///< [N, N], where products do not take the scores as they are
};

template <class T>
BlockedCore<T>::BlockedCore(const CoreShape& shape, std::int64_t block)
    : shape_(shape), block_(std::min(block, shape.length)) {}

template <class T>
std::int64_t BlockedCore<T>::size_of_block(std::int64_t first) const {
  return std::min(block_, shape_.length - first);
}

template <class T>
bool BlockedCore<T>::is_hidden(std::int64_t first_query, std::int64_t first_key) const {
  return shape_.causal && first_key > first_query;
}

template <class T>
ScoreBlock BlockedCore<T>::block_at(std::int64_t first_query, std::int64_t first_key) const {
  return {first_query, first_key, shape_.length, shape_.scale, shape_.causal};
}

/// [A b, s] -> [s]
template <class T>
Vector<Accumulate<T>> BlockedCore<T>::of_head(const memory::Tensor<F>& score_rows,
                                              std::int64_t head, std::int64_t sequence) const {
  return part(as_vector(score_rows.view()), shape_.first_row(head, sequence), shape_.length);
}

template <class T>
memory::Tensor<T> BlockedCore<T>::forward(const Context& context, Tensor qkv) {
  const std::int64_t d = shape_.head_size;
  qkv_ = std::move(qkv);
  memory::Ledger& ledger = context.ledger;
  log_sum_exp_ = ledger.tensor<F>("attention log-sum-exp", shape_.layer, context.kept,
                                  shape_.heads * shape_.batch, shape_.length);
  Tensor out =
      ledger.tensor<T>("proj input", shape_.layer, context.kept, context.tokens, shape_.heads * d);
  const auto workspace = [&](const char* name, std::int64_t width) {
    return ledger.tensor<F>(name, shape_.layer, TensorClass::workspace, block_, width);
  };
  const Scratch scratch{workspace("score block", block_),
                        {},
                        workspace("online softmax statistics", 2),
                        workspace("online softmax sums", d),
                        ScoreFactor<T>(context, shape_, block_, block_)};
  const Panel<T> qkv_panel(context, shape_, "group's q, k, v", shape_.group_width());
  for_each_group(context, shape_, [&](std::int64_t group, std::int64_t sequence) {
    const Matrix<X> of_group =
        qkv_panel.load(context.device, group_columns(shape_, qkv_.view(), group, sequence));
    for_each_head(shape_, group, [&](std::int64_t index, std::int64_t head) {
      const HeadParts<X> x = parts_of(shape_, of_group, index);
      const Matrix<T> target = head_columns(shape_, out.view(), head, sequence);
      const Dropout dropout = shape_.dropout_from(shape_.first_row(head, sequence));
      for (std::int64_t i = 0; i < shape_.length; i += block_) {
        forward_block(context, x, dropout, i, scratch);
        const std::int64_t m = size_of_block(i);
        kernels::end_online_softmax(context.device, block_at(i, 0),
                                    corner(scratch.statistics, m, 2), corner(scratch.sums, m, d),
                                    rows(target, i, m),
                                    part(of_head(log_sum_exp_, head, sequence), i, m));
      }
    });
  });
  return out;
}

/// One block of queries against all keys it sees.
template <class T>
void BlockedCore<T>::forward_block(const Context& context, const HeadParts<X>& x,
                                   const Dropout& dropout, std::int64_t first_query,
                                   const Scratch& scratch) const {
  Device& device = context.device;
  const std::int64_t m = size_of_block(first_query);
  const Matrix<X> query = rows(x.q, first_query, m);
  const Matrix<F> statistics = corner(scratch.statistics, m, 2);
  const Matrix<F> sums = corner(scratch.sums, m, shape_.head_size);
  kernels::begin_online_softmax(device, statistics, sums);
  for (std::int64_t j = 0; j < shape_.length && !is_hidden(first_query, j); j += block_) {
    const std::int64_t n = size_of_block(j);
    const Matrix<F> scores = corner(scratch.scores, m, n);
    // (m, d) x (n, d)^T -> (m, n);  (m, n) x (n, d) -> (m, d)
    gemm(device, Op::none, Op::transpose, F(1), query, rows(x.k, j, n), F(0), scores);
    kernels::online_softmax(device, block_at(first_query, j), dropout, scores, statistics, sums);
    gemm(device, Op::none, Op::none, F(1), scratch.factor.of(device, scores), rows(x.v, j, n), F(1),
         sums);
  }
}

/// The products of the context's rows and their gradients, [A b, s].
template <class T>
memory::Tensor<Accumulate<T>> BlockedCore<T>::project(const Context& context,
                                                      const Matrix<T>& output,
                                                      const Matrix<T>& output_gradient) const {
  memory::Tensor<F> projections =
      context.ledger.tensor<F>("context projections", shape_.layer, TensorClass::workspace,
                               shape_.heads * shape_.batch, shape_.length);
  for_each_group(context, shape_, [&](std::int64_t group, std::int64_t sequence) {
    for_each_head(shape_, group, [&](std::int64_t, std::int64_t head) {
      kernels::row_products(context.device, head_columns(shape_, output, head, sequence),
                            head_columns(shape_, output_gradient, head, sequence),
                            of_head(projections, head, sequence));
    });
  });
  return projections;
}

template <class T>
memory::Tensor<T> BlockedCore<T>::backward(const Context& context, Tensor output,
                                           Tensor output_gradient) {
  memory::Ledger& ledger = context.ledger;
  const memory::Tensor<F> projections = project(context, output.view(), output_gradient.view());
  output.reset();
  Tensor qkv_gradient = ledger.tensor<T>("qkv gradient", shape_.layer, TensorClass::transient,
                                         context.tokens, shape_.groups * shape_.group_width());
  const auto workspace = [&](const char* name) {
    return ledger.tensor<F>(name, shape_.layer, TensorClass::workspace, block_, block_);
  };
  const Scratch scratch{workspace("score block"),
                        workspace("score block gradient"),
                        {},
                        {},
                        ScoreFactor<T>(context, shape_, block_, block_)};
  const Panel<T> qkv_panel(context, shape_, "group's q, k, v", shape_.group_width());
  const Panel<T> dout_panel(context, shape_, "head's context gradient", shape_.head_size);
  const Panel<T, F> dqkv_panel(context, shape_, "group's q, k, v gradient", shape_.group_width());
  for_each_group(context, shape_, [&](std::int64_t group, std::int64_t sequence) {
    const Matrix<X> of_group =
        qkv_panel.load(context.device, group_columns(shape_, qkv_.view(), group, sequence));
    const Matrix<T> target = group_columns(shape_, qkv_gradient.view(), group, sequence);
    const Matrix<F> group_gradient = dqkv_panel.target(target);
    for_each_head(shape_, group, [&](std::int64_t index, std::int64_t head) {
      const HeadParts<X> x = parts_of(shape_, of_group, index);
      const HeadParts<F> dx = parts_of(shape_, group_gradient, index);
      const Matrix<X> dout = dout_panel.load(
          context.device, head_columns(shape_, output_gradient.view(), head, sequence));
      const Dropout dropout = shape_.dropout_from(shape_.first_row(head, sequence));
      for (std::int64_t j = 0; j < shape_.length; j += block_) {
        for (std::int64_t i = shape_.causal ? j : 0; i < shape_.length; i += block_) {
          backward_pair(context, x, dout, dx, index == 0, block_at(i, j), dropout,
                        of_head(log_sum_exp_, head, sequence), of_head(projections, head, sequence),
                        scratch);
        }
      }
    });
    dqkv_panel.store(context.device, target);
  });
  forget();
  return qkv_gradient;
}

/// Adds what one block of queries of a head and one of keys contribute to the gradients of q, and
/// of the group's k and v.
template <class T>
void BlockedCore<T>::backward_pair(const Context& context, const HeadParts<X>& x,
                                   const Matrix<X>& dout, const HeadParts<F>& dx,
                                   bool is_first_head, const ScoreBlock& at, const Dropout& dropout,
                                   const Vector<F>& log_sum_exp, const Vector<F>& projections,
                                   const Scratch& scratch) const {
  Device& device = context.device;
  const std::int64_t i = at.first_query;
  const std::int64_t j = at.first_key;
  const std::int64_t m = size_of_block(i);
  const std::int64_t n = size_of_block(j);
  const Matrix<F> scores = corner(scratch.scores, m, n);
  const Matrix<F> gradient = corner(scratch.gradient, m, n);
  // What a block of queries, or of keys, is added to for the first time need not be zeroed before.
  const F after_keys = j == 0 ? F(0) : F(1);
  const F after_queries = is_first_head && i == (shape_.causal ? j : 0) ? F(0) : F(1);
  // S: (m, d) x (n, d)^T -> (m, n);  dD: the same of context gradient and values
  gemm(device, Op::none, Op::transpose, F(1), rows(x.q, i, m), rows(x.k, j, n), F(0), scores);
  gemm(device, Op::none, Op::transpose, F(1), rows(dout, i, m), rows(x.v, j, n), F(0), gradient);
  kernels::block_softmax_backward(device, at, dropout, part(log_sum_exp, i, m),
                                  part(projections, i, m), scores, gradient);
  // dV: (m, n)^T x (m, d) -> (n, d);  dQ: (m, n) x (n, d) -> (m, d);  dK: (m, n)^T x (m, d)
  gemm(device, Op::transpose, Op::none, F(1), scratch.factor.of(device, scores), rows(dout, i, m),
       after_queries, rows(dx.v, j, n));
  const Matrix<X> factor = scratch.factor.of(device, gradient);
  gemm(device, Op::none, Op::none, F(1), factor, rows(x.k, j, n), after_keys, rows(dx.q, i, m));
  gemm(device, Op::transpose, Op::none, F(1), factor, rows(x.q, i, m), after_queries,
       rows(dx.k, j, n));
}

template <class T>
void BlockedCore<T>::forget() {
  qkv_.reset();
  log_sum_exp_.reset();
}

template class BlockedCore<bfloat16>;
template class BlockedCore<float>;
template class BlockedCore<double>;

}  // namespace tidemark::model
