// What lies between q, k, v and the input of proj, for the heads of one rank: the part of attention
// that has two implementations.
//
// Rows of matrices are tokens, s-major: row i b + m is position i of sequence m. With A local heads
// of queries in G local groups, whose columns in qkv are n = A/G times q, then k, v of d columns
// each:
//
//   qkv (s b, G (n + 2) d) -> scores (A b s, s) -> softmax -> dropout -> x v -> core output (s b, A
//   d)
//
// In the GPT family n = 1: every head has keys and values of its own.
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
  kernels::Dropout dropout;  ///< of the scores [a, b, s, s]; its first element is this rank's
  /// Groups of a sequence that are worked on at once, where products are better in batches.
  std::int64_t groups_at_once = 1;

  /// n: heads of queries that share one of keys and values.
  [[nodiscard]] std::int64_t heads_per_group() const { return heads / groups; }
  /// (n + 2) d: columns of a group in qkv.
  [[nodiscard]] std::int64_t group_width() const { return (heads_per_group() + 2) * head_size; }

  /// Row of the first score of a head and sequence, among this rank's rows [A b s].
  [[nodiscard]] std::int64_t first_row(std::int64_t head, std::int64_t sequence) const {
    return (head * batch + sequence) * length;
  }
  /// The dropout of the scores from that row on.
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

/// Positions [first, first + count) of a sequence.
struct Positions {
  std::int64_t first;
  std::int64_t count;
};

/// Those of a sequence whose tokens are among the rows [first, first + count) of [s b, .].
inline Positions positions_in(const CoreShape& shape, std::int64_t sequence, std::int64_t first,
                              std::int64_t count) {
  // Row i b + m is position i of sequence m, so the first i has i b + m >= first.
  const auto from = [&](std::int64_t row) {
    return (row - sequence + shape.batch - 1) / shape.batch;
  };
  return {from(first), from(first + count) - from(first)};
}

/// Consecutive groups of one sequence that are worked on at once.
struct GroupBatch {
  std::int64_t first;
  std::int64_t count;
  std::int64_t sequence;
};

/// Of each group of a batch, one head: that with this index in its group.
struct HeadBatch {
  GroupBatch groups;
  std::int64_t index;
};

/// The first head of the batch, among all local ones; the next are heads_per_group() apart.
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

/// (s b, G (n + 2) d) -> (s, (n + 2) d) each: q of all heads, k and v of a group and sequence.
template <class T>
MatrixBatch<T> group_columns(const CoreShape& shape, const Matrix<T>& qkv,
                             const GroupBatch& groups) {
  const std::int64_t width = shape.group_width();
  return {sequence_columns(shape, qkv, groups.sequence, groups.first * width, width), groups.count,
          width};
}

/// (s b, A d) -> (s, d) each: what a head and sequence have in the core output or its gradient.
template <class T>
MatrixBatch<T> head_columns(const CoreShape& shape, const Matrix<T>& tokens,
                            const HeadBatch& heads) {
  const std::int64_t d = shape.head_size;
  return {sequence_columns(shape, tokens, heads.groups.sequence, first_head(shape, heads) * d, d),
          heads.groups.count, shape.heads_per_group() * d};
}

/// (A b s, C) -> (s, C) each: what a head and sequence have of the scores, or of a figure a score
/// row.
template <class T>
MatrixBatch<T> head_rows(const CoreShape& shape, const Matrix<T>& of_score_rows,
                         const HeadBatch& heads) {
  return {rows(of_score_rows, first_row(shape, heads), shape.length), heads.groups.count,
          rows_between_heads(shape) * num_columns(of_score_rows)};
}

/// q of one head of each group [s, d], and k and v of the groups, or their gradients.
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

/// Calls `use(groups)` for batches of all groups and sequences; for none in a dry run, where that
/// would do nothing.
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

/// Columns of a batch of groups, or heads, in the type X in which products read or write them: the
/// tensor's own memory, or a converted copy in a workspace, where T is narrower.
template <class T, class X = kernels::Factor<T>>
class Panel {
 public:
  /// `width`: columns of one member.
  Panel(const parallel::Context& context, const CoreShape& shape, std::string_view name,
        std::int64_t width) {
    if constexpr (converts) {
      storage_ = context.ledger.tensor<X>(name, shape.layer, memory::TensorClass::workspace,
                                          shape.groups_at_once * shape.length, width);
    }
  }

  /// For reading: `part` [s, width] each, with its values.
  MatrixBatch<X> load([[maybe_unused]] Device& device, const MatrixBatch<T>& part) const {
    if constexpr (converts) {
      kernels::convert(device, part, target(part));
      return target(part);
    } else {
      return part;
    }
  }
  /// For writing: what `store` will leave in `part`.
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

/// Scores, or their gradients, of a batch as products take them: themselves, or rounded into a
/// workspace of at most `rows` x `columns` each where the library takes T, and T is narrower.
template <class T>
class ScoreFactor {
 public:
  using F = Accumulate<T>;
  using X = kernels::Factor<T>;

  ScoreFactor(const parallel::Context& context, const CoreShape& shape, std::int64_t rows,
              std::int64_t columns) {
    if constexpr (rounds) {
      storage_ =
          context.ledger.tensor<X>("rounded scores", shape.layer, memory::TensorClass::workspace,
                                   shape.groups_at_once * rows, columns);
    }
  }

  /// Good until the next call.
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

/// One implementation; keeps between forward and backward what its backward needs.
template <class T>
class AttentionCore {
 public:
  using Tensor = memory::Tensor<T>;

  AttentionCore() = default;
  AttentionCore(const AttentionCore&) = delete;
  AttentionCore& operator=(const AttentionCore&) = delete;
  virtual ~AttentionCore() = default;

  /// Takes and keeps qkv; returns the core output, the input of proj, which it does not keep.
  /// Each of its rows is made when it is asked for.
  virtual parallel::RowsOnDemand<T> forward(const parallel::Context& context, Tensor qkv) = 0;
  /// Gradient of the core output -> gradient of qkv; frees what forward kept. `output` is the core
  /// output that forward returned, where `needs_output`, else empty.
  virtual Tensor backward(const parallel::Context& context, Tensor output,
                          Tensor output_gradient) = 0;
  [[nodiscard]] virtual bool needs_output() const = 0;
  /// Frees what forward kept, unused.
  virtual void forget() = 0;
};

/// The one that model.attention and recompute ask for.
template <class T>
std::unique_ptr<AttentionCore<T>> make_attention_core(const config::Case& settings,
                                                      const CoreShape& shape);

}  // namespace tidemark::model
