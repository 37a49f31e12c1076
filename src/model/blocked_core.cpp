#include "model/blocked_core.hpp"

#include <algorithm>
#include <utility>

#include "kernels/gemm.hpp"

namespace tidemark::model {

namespace {

using kernels::Dropout;
using kernels::gemm_batch;
using kernels::Op;
using kernels::ScoreBlock;
using memory::TensorClass;
using parallel::Context;

}  // namespace

/// Workspaces of one direction, for blocks of N positions, each for a batch of heads.
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
  return {first_query,  first_key,     shape_.length,
          shape_.scale, shape_.causal, rows_between_heads(shape_) * shape_.length};
}

template <class T>
memory::Tensor<T> BlockedCore<T>::forward(const Context& context, Tensor qkv) {
  const std::int64_t d = shape_.head_size;
  qkv_ = std::move(qkv);
  memory::Ledger& ledger = context.ledger;
  log_sum_exp_ = ledger.tensor<F>("attention log-sum-exp", shape_.layer, context.kept,
                                  shape_.heads * shape_.batch * shape_.length, 1);
  Tensor out =
      ledger.tensor<T>("proj input", shape_.layer, context.kept, context.tokens, shape_.heads * d);
  const auto workspace = [&](const char* name, std::int64_t width) {
    return ledger.tensor<F>(name, shape_.layer, TensorClass::workspace,
                            shape_.groups_at_once * block_, width);
  };
  const Scratch scratch{workspace("score block", block_),
                        {},
                        workspace("online softmax statistics", 2),
                        workspace("online softmax sums", d),
                        ScoreFactor<T>(context, shape_, block_, block_)};
  const Panel<T> qkv_panel(context, shape_, "group's q, k, v", shape_.group_width());
  for_each_batch(context, shape_, [&](const GroupBatch& groups) {
    const MatrixBatch<X> of_groups =
        qkv_panel.load(context.device, group_columns(shape_, qkv_.view(), groups));
    for_each_head(shape_, groups, [&](const HeadBatch& heads) {
      const HeadParts<X> x = parts_of(shape_, of_groups, heads.index);
      const MatrixBatch<T> target = head_columns(shape_, out.view(), heads);
      const MatrixBatch<F> log_sum_exp = head_rows(shape_, log_sum_exp_.view(), heads);
      const Dropout dropout = shape_.dropout_from(first_row(shape_, heads));
      for (std::int64_t i = 0; i < shape_.length; i += block_) {
        const std::int64_t m = size_of_block(i);
        const auto statistics = batch_in(scratch.statistics.data(), groups.count, m, 2);
        const auto sums = batch_in(scratch.sums.data(), groups.count, m, d);
        forward_block(context, x, dropout, i, statistics, sums, scratch);
        kernels::end_online_softmax<T>(context.device, block_at(i, 0), statistics, sums,
                                       rows(target, i, m), rows(log_sum_exp, i, m));
      }
    });
  });
  return out;
}

/// One block of queries of each head against all keys it sees.
template <class T>
void BlockedCore<T>::forward_block(const Context& context, const HeadParts<X>& x,
                                   const Dropout& dropout, std::int64_t first_query,
                                   const MatrixBatch<F>& statistics, const MatrixBatch<F>& sums,
                                   const Scratch& scratch) const {
  Device& device = context.device;
  const std::int64_t m = size_of_block(first_query);
  const MatrixBatch<X> query = rows(x.q, first_query, m);
  kernels::begin_online_softmax<F>(device, statistics, sums);
  for (std::int64_t j = 0; j < shape_.length && !is_hidden(first_query, j); j += block_) {
    const std::int64_t n = size_of_block(j);
    const MatrixBatch<F> scores = batch_in(scratch.scores.data(), query.count, m, n);
    // (m, d) x (n, d)^T -> (m, n);  (m, n) x (n, d) -> (m, d)
    gemm_batch(device, Op::none, Op::transpose, F(1), query, rows(x.k, j, n), F(0), scores);
    kernels::online_softmax<F>(device, block_at(first_query, j), dropout, scores, statistics, sums);
    gemm_batch(device, Op::none, Op::none, F(1), scratch.factor.of(device, scores), rows(x.v, j, n),
               F(1), sums);
  }
}

/// The products of the context's rows and their gradients, [A b s, 1].
template <class T>
memory::Tensor<Accumulate<T>> BlockedCore<T>::project(const Context& context,
                                                      const Matrix<T>& output,
                                                      const Matrix<T>& output_gradient) const {
  memory::Tensor<F> projections =
      context.ledger.tensor<F>("context projections", shape_.layer, TensorClass::workspace,
                               shape_.heads * shape_.batch * shape_.length, 1);
  for_each_batch(context, shape_, [&](const GroupBatch& groups) {
    for_each_head(shape_, groups, [&](const HeadBatch& heads) {
      kernels::row_products<T>(context.device, head_columns(shape_, output, heads),
                               head_columns(shape_, output_gradient, heads),
                               head_rows(shape_, projections.view(), heads));
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
    return ledger.tensor<F>(name, shape_.layer, TensorClass::workspace,
                            shape_.groups_at_once * block_, block_);
  };
  const Scratch scratch{workspace("score block"),
                        workspace("score block gradient"),
                        {},
                        {},
                        ScoreFactor<T>(context, shape_, block_, block_)};
  const Panel<T> qkv_panel(context, shape_, "group's q, k, v", shape_.group_width());
  const Panel<T> dout_panel(context, shape_, "head's context gradient", shape_.head_size);
  const Panel<T, F> dqkv_panel(context, shape_, "group's q, k, v gradient", shape_.group_width());
  for_each_batch(context, shape_, [&](const GroupBatch& groups) {
    const MatrixBatch<X> of_groups =
        qkv_panel.load(context.device, group_columns(shape_, qkv_.view(), groups));
    const MatrixBatch<T> target = group_columns(shape_, qkv_gradient.view(), groups);
    const MatrixBatch<F> group_gradients = dqkv_panel.target(target);
    for_each_head(shape_, groups, [&](const HeadBatch& heads) {
      const HeadParts<X> x = parts_of(shape_, of_groups, heads.index);
      const HeadParts<F> dx = parts_of(shape_, group_gradients, heads.index);
      const MatrixBatch<X> dout =
          dout_panel.load(context.device, head_columns(shape_, output_gradient.view(), heads));
      const Dropout dropout = shape_.dropout_from(first_row(shape_, heads));
      for (std::int64_t j = 0; j < shape_.length; j += block_) {
        for (std::int64_t i = shape_.causal ? j : 0; i < shape_.length; i += block_) {
          backward_pair(context, x, dout, dx, heads.index == 0, block_at(i, j), dropout,
                        head_rows(shape_, log_sum_exp_.view(), heads),
                        head_rows(shape_, projections.view(), heads), scratch);
        }
      }
    });
    dqkv_panel.store(context.device, target);
  });
  forget();
  return qkv_gradient;
}

/// Adds what one block of queries of each head and one of keys contribute to the gradients of q,
/// and of the groups' k and v.
template <class T>
void BlockedCore<T>::backward_pair(const Context& context, const HeadParts<X>& x,
                                   const MatrixBatch<X>& dout, const HeadParts<F>& dx,
                                   bool is_first_head, const ScoreBlock& at, const Dropout& dropout,
                                   const MatrixBatch<F>& log_sum_exp,
                                   const MatrixBatch<F>& projections,
                                   const Scratch& scratch) const {
  Device& device = context.device;
  const std::int64_t i = at.first_query;
  const std::int64_t j = at.first_key;
  const std::int64_t m = size_of_block(i);
  const std::int64_t n = size_of_block(j);
  const MatrixBatch<F> scores = batch_in(scratch.scores.data(), dout.count, m, n);
  const MatrixBatch<F> gradient = batch_in(scratch.gradient.data(), dout.count, m, n);
  // What a block of queries, or of keys, is added to for the first time need not be zeroed before.
  const F after_keys = j == 0 ? F(0) : F(1);
  const F after_queries = is_first_head && i == (shape_.causal ? j : 0) ? F(0) : F(1);
  // S: (m, d) x (n, d)^T -> (m, n);  dD: the same of context gradient and values
  gemm_batch(device, Op::none, Op::transpose, F(1), rows(x.q, i, m), rows(x.k, j, n), F(0), scores);
  gemm_batch(device, Op::none, Op::transpose, F(1), rows(dout, i, m), rows(x.v, j, n), F(0),
             gradient);
  kernels::block_softmax_backward<F>(device, at, dropout, rows(log_sum_exp, i, m),
                                     rows(projections, i, m), scores, gradient);
  // dV: (m, n)^T x (m, d) -> (n, d);  dQ: (m, n) x (n, d) -> (m, d);  dK: (m, n)^T x (m, d)
  gemm_batch(device, Op::transpose, Op::none, F(1), scratch.factor.of(device, scores),
             rows(dout, i, m), after_queries, rows(dx.v, j, n));
  const MatrixBatch<X> factor = scratch.factor.of(device, gradient);
  gemm_batch(device, Op::none, Op::none, F(1), factor, rows(x.k, j, n), after_keys,
             rows(dx.q, i, m));
  gemm_batch(device, Op::transpose, Op::none, F(1), factor, rows(x.q, i, m), after_queries,
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
