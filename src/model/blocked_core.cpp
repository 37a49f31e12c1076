// SPDX-License-Identifier: BSD-3-Clause
#include "model/blocked_core.hpp"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "base/scalars.hpp"
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

/// Workspaces of one direction, for blocks of N positions, for each head of a batch.
template <class T, class X>
struct BlockedCore<T, X>::Scratch {
  memory::Tensor<F> scores;      ///< [N, N]
  memory::Tensor<F> gradient;    ///< [N, N], backward
  memory::Tensor<F> statistics;  ///< [N, 2], forward
  memory::Tensor<F> sums;        ///< [N, d], forward
  ScoreFactor<T, X> factor;      ///< [N, N], if products do not take the scores as they are
};

template <class T, class X>
BlockedCore<T, X>::BlockedCore(const CoreShape& shape, std::int64_t block)
    : shape_(shape), block_(std::min(block, shape.length)) {}

template <class T, class X>
std::int64_t BlockedCore<T, X>::size_of_block(std::int64_t first) const {
  return std::min(block_, shape_.length - first);
}

template <class T, class X>
bool BlockedCore<T, X>::is_hidden(std::int64_t first_query, std::int64_t first_key) const {
  return shape_.causal && first_key > first_query;
}

template <class T, class X>
ScoreBlock BlockedCore<T, X>::block_at(std::int64_t first_query, std::int64_t first_key) const {
  return {first_query,  first_key,     shape_.length,
          shape_.scale, shape_.causal, rows_between_heads(shape_) * shape_.length};
}

/// The state of the forward direction until its last rows are made.
template <class T, class X>
struct BlockedCore<T, X>::Forward {
  Context context;  ///< a copy, because it outlives the call that started it
  Matrix<T> out;    ///< the core output
  Scratch scratch;
  Panel<T, X> qkv_panel;
  std::vector<bool> made;  ///< per sequence and block of queries
};

template <class T, class X>
parallel::RowsOnDemand<T> BlockedCore<T, X>::forward(const Context& context, Tensor qkv) {
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
  Scratch scratch{workspace("score block", block_),
                  {},
                  workspace("online softmax statistics", 2),
                  workspace("online softmax sums", d),
                  ScoreFactor<T, X>(context, shape_, block_, block_)};
  const Matrix<T> rows_of_out = out.view();
  const auto work = std::make_shared<Forward>(
      Forward{context, rows_of_out, std::move(scratch),
              Panel<T, X>(context, shape_, "group's q, k, v", shape_.group_width()),
              std::vector<bool>(static_cast<std::size_t>(shape_.batch * num_blocks()))});
  return {std::move(out), [this, work](std::int64_t first, std::int64_t count) {
            forward_rows(*work, first, count);
          }};
}

/// The first requested row of a block makes the whole block. So the products are the same in every
/// order of requests.
template <class T, class X>
void BlockedCore<T, X>::forward_rows(Forward& work, std::int64_t first, std::int64_t count) const {
  const Context& context = work.context;
  const std::vector<bool> made_before = work.made;
  for_each_batch(context, shape_, [&](const GroupBatch& groups) {
    const Positions queries = positions_in(shape_, groups.sequence, first, count);
    if (queries.count == 0) return;
    const MatrixBatch<X> of_groups =
        work.qkv_panel.load(context.device, group_columns(shape_, qkv_.view(), groups));
    const std::int64_t end_block = (queries.first + queries.count + block_ - 1) / block_;
    for_each_head(shape_, groups, [&](const HeadBatch& heads) {
      for (std::int64_t block = queries.first / block_; block < end_block; ++block) {
        const auto index = static_cast<std::size_t>(groups.sequence * num_blocks() + block);
        if (made_before[index]) continue;
        forward_block(work, parts_of(shape_, of_groups, heads.index), heads, block * block_);
        work.made[index] = true;
        if (context.takes_apart() && context.polls()) context.communicator.poll();
      }
    });
  });
}

/// One block of queries of a batch of heads: makes its rows of the core output and of the
/// log-sum-exp.
template <class T, class X>
void BlockedCore<T, X>::forward_block(const Forward& work, const HeadParts<X>& x,
                                      const HeadBatch& heads, std::int64_t first_query) const {
  const std::int64_t m = size_of_block(first_query);
  const std::int64_t count = heads.groups.count;
  const auto statistics = batch_in(work.scratch.statistics.data(), count, m, 2);
  const auto sums = batch_in(work.scratch.sums.data(), count, m, shape_.head_size);
  sum_over_keys(work.context, x, shape_.dropout_from(first_row(shape_, heads)), first_query,
                statistics, sums, work.scratch);
  kernels::end_online_softmax<T>(
      work.context.device, block_at(first_query, 0), statistics, sums,
      rows(head_columns(shape_, work.out, heads), first_query, m),
      rows(head_rows(shape_, log_sum_exp_.view(), heads), first_query, m));
}

/// Sums of one block of queries per head, over all keys that are visible to it.
template <class T, class X>
void BlockedCore<T, X>::sum_over_keys(const Context& context, const HeadParts<X>& x,
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

/// The dot products of the core output's rows and their gradients, [A b s, 1].
template <class T, class X>
memory::Tensor<Accumulate<T>> BlockedCore<T, X>::project(const Context& context,
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

template <class T, class X>
memory::Tensor<T> BlockedCore<T, X>::backward(const Context& context, Tensor output,
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
                        ScoreFactor<T, X>(context, shape_, block_, block_)};
  const Panel<T, X> qkv_panel(context, shape_, "group's q, k, v", shape_.group_width());
  const Panel<T, X> dout_panel(context, shape_, "head's core output gradient", shape_.head_size);
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

/// Adds the contribution of one block of queries per head and one block of keys to the gradients.
/// These are the gradients of q, and of the groups' k and v.
template <class T, class X>
void BlockedCore<T, X>::backward_pair(const Context& context, const HeadParts<X>& x,
                                      const MatrixBatch<X>& dout, const HeadParts<F>& dx,
                                      bool is_first_head, const ScoreBlock& at,
                                      const Dropout& dropout, const MatrixBatch<F>& log_sum_exp,
                                      const MatrixBatch<F>& projections,
                                      const Scratch& scratch) const {
  Device& device = context.device;
  const std::int64_t i = at.first_query;
  const std::int64_t j = at.first_key;
  const std::int64_t m = size_of_block(i);
  const std::int64_t n = size_of_block(j);
  const MatrixBatch<F> scores = batch_in(scratch.scores.data(), dout.count, m, n);
  const MatrixBatch<F> gradient = batch_in(scratch.gradient.data(), dout.count, m, n);
  // The first addition to a block of gradients overwrites it, so it need not be zero before.
  const F after_keys = j == 0 ? F(0) : F(1);
  const F after_queries = is_first_head && i == (shape_.causal ? j : 0) ? F(0) : F(1);
  // S: (m, d) x (n, d)^T -> (m, n);  dD: the same with core output gradient and values
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

template <class T, class X>
void BlockedCore<T, X>::forget() {
  qkv_.reset();
  log_sum_exp_.reset();
}

TIDEMARK_INSTANTIATE_CORE(BlockedCore)

}  // namespace tidemark::model
