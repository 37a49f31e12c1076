// SPDX-License-Identifier: BSD-3-Clause
// The attention core turns q, k and v into the core output, for the heads of one rank. It has two
// implementations.
//
// Rows of matrices are tokens, s-major: row i b + m is position i of sequence m. A rank has A heads
// of queries in G groups. A group has n + 2 blocks of d columns in qkv: n = A/G times q, then k and
// v.
//
//   qkv (s b, G (n + 2) d) -> scores (A b s, s) -> softmax -> dropout -> x v
//       -> core output (s b, A d)
//
// In the GPT family n = 1: every head has its own keys and values.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string_view>
#include <type_traits>

#include "base/matrix_batch.hpp"
#include "config/case.hpp"
#include "kernels/convert.hpp"
#include "kernels/dropout.hpp"
#include "kernels/gemm.hpp"
#include "memory/ledger.hpp"
#include "model/positions.hpp"
#include "parallel/context.hpp"
#include "parallel/overlap/rows_on_demand.hpp"

namespace tidemark::model {

/// The attention of one layer on one rank.
struct CoreShape {
  CoreShape(const config::Case& settings, const parallel::Context& context, int layer_index);

  int layer;
  std::int64_t heads;      ///< A = a/t, local
  std::int64_t groups;     ///< G: local heads of keys and values
  std::int64_t head_size;  ///< d
  std::int64_t length;     ///< s
  std::int64_t batch;      ///< b
  double scale;            ///< 1/sqrt(d)
  bool causal;
  kernels::Dropout dropout;  ///< of the scores [a, b, s, s], beginning with this rank's first score
  /// Groups of a sequence in one batch, if the device multiplies in batches.
  std::int64_t groups_at_once = 1;

  /// n: heads of queries per head of keys and values.
  [[nodiscard]] std::int64_t heads_per_group() const { return heads / groups; }
  /// (n + 2) d: columns of a group in qkv.
  [[nodiscard]] std::int64_t group_width() const { return (heads_per_group() + 2) * head_size; }

  /// Row of the first score of a head and sequence, among this rank's rows [A b s].
  [[nodiscard]] std::int64_t first_row(std::int64_t head, std::int64_t sequence) const {
    return (head * batch + sequence) * length;
  }
  /// The dropout of the scores, beginning with score row `row`.
  [[nodiscard]] kernels::Dropout dropout_from(std::int64_t row) const {
    return kernels::from_element(dropout, row * length);
  }
};

/// (s b, C) -> (s, count): the rows of one sequence, `count` columns from `first_column`.
template <class T>
Matrix<T> sequence_columns(const CoreShape& shape, const Matrix<T>& tokens, std::int64_t sequence,
                           std::int64_t first_column, std::int64_t count) {
  const std::int64_t width = num_columns(tokens);
  const Matrix<T> by_position(tokens.data(), static_cast<std::size_t>(shape.length),
                              static_cast<std::size_t>(shape.batch * width));
  return columns(by_position, sequence * width + first_column, count);
}

/// The positions of a sequence whose tokens are in the rows [first, first + count) of [s b, .].
inline Positions positions_in(const CoreShape& shape, std::int64_t sequence, std::int64_t first,
                              std::int64_t count) {
  // Row i b + m is position i of sequence m, so the first i satisfies i b + m >= first.
  const auto from = [&](std::int64_t row) {
    return (row - sequence + shape.batch - 1) / shape.batch;
  };
  return {from(first), from(first + count) - from(first)};
}

/// Consecutive groups of one sequence in one batch.
struct GroupBatch {
  std::int64_t first;
  std::int64_t count;
  std::int64_t sequence;
};

/// One head per group of a batch: the one with this index in its group.
struct HeadBatch {
  GroupBatch groups;
  std::int64_t index;
};

/// The first head of the batch among all local heads. The next ones are heads_per_group() apart.
inline std::int64_t first_head(const CoreShape& shape, const HeadBatch& heads) {
  return heads.groups.first * shape.heads_per_group() + heads.index;
}

/// Row of the first score of the batch's first head.
inline std::int64_t first_row(const CoreShape& shape, const HeadBatch& heads) {
  return shape.first_row(first_head(shape, heads), heads.groups.sequence);
}

/// Rows from one head of a batch to the next, among this rank's rows of scores [A b s].
inline std::int64_t rows_between_heads(const CoreShape& shape) {
  return shape.heads_per_group() * shape.batch * shape.length;
}

/// (s b, G (n + 2) d) -> (s, (n + 2) d) each: q of all heads, k and v, for a group and sequence.
template <class T>
MatrixBatch<T> group_columns(const CoreShape& shape, const Matrix<T>& qkv,
                             const GroupBatch& groups) {
  const std::int64_t width = shape.group_width();
  return {sequence_columns(shape, qkv, groups.sequence, groups.first * width, width), groups.count,
          width};
}

/// (s b, A d) -> (s, d) each: the part of a head and sequence in the core output or its gradient.
template <class T>
MatrixBatch<T> head_columns(const CoreShape& shape, const Matrix<T>& tokens,
                            const HeadBatch& heads) {
  const std::int64_t d = shape.head_size;
  return {sequence_columns(shape, tokens, heads.groups.sequence, first_head(shape, heads) * d, d),
          heads.groups.count, shape.heads_per_group() * d};
}

/// (A b s, C) -> (s, C) each: the part of a head and sequence in the scores, or in numbers per
/// score row.
template <class T>
MatrixBatch<T> head_rows(const CoreShape& shape, const Matrix<T>& of_score_rows,
                         const HeadBatch& heads) {
  return {rows(of_score_rows, first_row(shape, heads), shape.length), heads.groups.count,
          rows_between_heads(shape) * num_columns(of_score_rows)};
}

/// q of one head per group [s, d], and k and v of the groups, or the gradients of these.
template <class F>
struct HeadParts {
  MatrixBatch<F> q, k, v;
};

/// (s, (n + 2) d) each -> the parts of head `index` of each group.
template <class F>
HeadParts<F> parts_of(const CoreShape& shape, const MatrixBatch<F>& groups, std::int64_t index) {
  const std::int64_t d = shape.head_size;
  const std::int64_t n = shape.heads_per_group();
  return {columns(groups, index * d, d), columns(groups, n * d, d),
          columns(groups, (n + 1) * d, d)};
}

/// Calls `use(groups)` for batches of all groups and sequences. Calls nothing in a dry run.
template <class Use>
void for_each_batch(const parallel::Context& context, const CoreShape& shape, const Use& use) {
  if (!context.device.launches()) return;
  const std::int64_t most = shape.groups_at_once;
  for (std::int64_t first = 0; first < shape.groups; first += most) {
    const std::int64_t count = std::min(most, shape.groups - first);
    for (std::int64_t sequence = 0; sequence < shape.batch; ++sequence) {
      use(GroupBatch{first, count, sequence});
    }
  }
}

/// Calls `use(heads)` for the first head of each group, for the second, and so on.
template <class Use>
void for_each_head(const CoreShape& shape, const GroupBatch& groups, const Use& use) {
  for (std::int64_t index = 0; index < shape.heads_per_group(); ++index) {
    use(HeadBatch{groups, index});
  }
}

/// Columns of a batch of groups or heads in type X, which products read or write. If T equals X, it
/// uses the tensor's own memory. If T is narrower, it uses a converted copy in a workspace.
template <class T, class X>
class Panel {
 public:
  /// `width`: columns of one member of the batch.
  Panel(const parallel::Context& context, const CoreShape& shape, std::string_view name,
        std::int64_t width) {
    if constexpr (converts) {
      storage_ = context.ledger.tensor<X>(name, shape.layer, memory::TensorClass::workspace,
                                          shape.groups_at_once * shape.length, width);
    }
  }

  /// To read: `part` [s, width] each, with its values.
  MatrixBatch<X> load([[maybe_unused]] Device& device, const MatrixBatch<T>& part) const {
    if constexpr (converts) {
      kernels::convert(device, part, target(part));
      return target(part);
    } else {
      return part;
    }
  }
  /// To write: the matrices that `store` will copy to `part`.
  MatrixBatch<X> target(const MatrixBatch<T>& part) const {
    if constexpr (converts) {
      return batch_in(storage_.data(), part.count, num_rows(part.first), num_columns(part.first));
    } else {
      return part;
    }
  }
  void store([[maybe_unused]] Device& device, [[maybe_unused]] const MatrixBatch<T>& part) const {
    if constexpr (converts) kernels::convert(device, target(part), part);
  }

 private:
  static constexpr bool converts = !std::is_same_v<T, X>;
  memory::Tensor<X> storage_;
};

/// Scores of a batch, or their gradients, in the type that products read. If the library takes T,
/// and T is narrower, they are rounded into a workspace. It has `rows` x `columns` elements per
/// head.
template <class T, class X>
class ScoreFactor {
 public:
  using F = Accumulate<T>;

  ScoreFactor(const parallel::Context& context, const CoreShape& shape, std::int64_t rows,
              std::int64_t columns) {
    if constexpr (rounds) {
      storage_ =
          context.ledger.tensor<X>("rounded scores", shape.layer, memory::TensorClass::workspace,
                                   shape.groups_at_once * rows, columns);
    }
  }

  /// Valid until the next call.
  MatrixBatch<X> of([[maybe_unused]] Device& device, const MatrixBatch<F>& scores) const {
    if constexpr (rounds) {
      const MatrixBatch<X> rounded = batch_in(storage_.data(), scores.count, num_rows(scores.first),
                                              num_columns(scores.first));
      kernels::convert(device, scores, rounded);
      return rounded;
    } else {
      return scores;
    }
  }

 private:
  static constexpr bool rounds = !std::is_same_v<F, X>;
  memory::Tensor<X> storage_;
};

/// One implementation. Between forward and backward it keeps what its backward needs.
template <class T>
class AttentionCore {
 public:
  using Tensor = memory::Tensor<T>;

  AttentionCore() = default;
  AttentionCore(const AttentionCore&) = delete;
  AttentionCore& operator=(const AttentionCore&) = delete;
  virtual ~AttentionCore() = default;

  /// Takes and keeps qkv. Returns the core output, the input of proj, which it does not keep. Each
  /// row is made on request.
  virtual parallel::RowsOnDemand<T> forward(const parallel::Context& context, Tensor qkv) = 0;
  /// Gradient of the core output -> gradient of qkv. Frees what forward kept. If needs_output(),
  /// `output` is the core output that forward returned; otherwise it is empty.
  virtual Tensor backward(const parallel::Context& context, Tensor output,
                          Tensor output_gradient) = 0;
  [[nodiscard]] virtual bool needs_output() const = 0;
  /// Frees what forward kept, without using it.
  virtual void forget() = 0;
};

/// Makes the implementation that model.attention and recompute select, for products that are formed
/// so.
template <class T>
std::unique_ptr<AttentionCore<T>> make_attention_core(const config::Case& settings,
                                                      const CoreShape& shape,
                                                      const ProductMethod& products);

/// Instantiates an implementation for elements of T and products that read matrices of X. X is T if
/// the library takes T, and Accumulate<T> if it does not.
#define TIDEMARK_INSTANTIATE_CORE(Core)    \
  template class Core<double, double>;     \
  template class Core<float, float>;       \
  template class Core<bfloat16, bfloat16>; \
  template class Core<bfloat16, float>;

}  // namespace tidemark::model
