// What lies between q, k, v and the input of proj, for the heads of one rank: the part of attention
// that has two implementations.
//
// Rows of matrices are tokens, s-major: row i b + m is position i of sequence m. With A local heads
// of queries in G local groups, whose columns in qkv are n = A/G times q, then k, v of d columns
// each:
//
//   qkv (s b, G (n + 2) d) -> scores (A b s, s) -> softmax -> dropout -> x v -> context (s b, A d)
//
// In the GPT family n = 1: every head has keys and values of its own.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <type_traits>

#include "config/case.hpp"
#include "kernels/convert.hpp"
#include "kernels/dropout.hpp"
#include "kernels/gemm.hpp"
#include "memory/ledger.hpp"
#include "parallel/context.hpp"

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

/// (s b, G (n + 2) d) -> (s, (n + 2) d): q of all heads, k and v of one group and sequence.
template <class T>
Matrix<T> group_columns(const CoreShape& shape, const Matrix<T>& qkv, std::int64_t group,
                        std::int64_t sequence) {
  return sequence_columns(shape, qkv, sequence, group * shape.group_width(), shape.group_width());
}

/// (s b, A d) -> (s, d): what one head and sequence have in the context or its gradient.
template <class T>
Matrix<T> head_columns(const CoreShape& shape, const Matrix<T>& tokens, std::int64_t head,
                       std::int64_t sequence) {
  return sequence_columns(shape, tokens, sequence, head * shape.head_size, shape.head_size);
}

/// q of one head [s, d], and k and v of its group, or their gradients.
template <class F>
struct HeadParts {
  Matrix<F> q, k, v;
};

/// (s, (n + 2) d) -> the parts of head `index` of the group.
template <class F>
HeadParts<F> parts_of(const CoreShape& shape, const Matrix<F>& group, std::int64_t index) {
  const std::int64_t d = shape.head_size;
  const std::int64_t n = shape.heads_per_group();
  return {columns(group, index * d, d), columns(group, n * d, d), columns(group, (n + 1) * d, d)};
}

/// Calls `use(group, sequence)` for all of them; for none on paper, where that would do nothing.
template <class Use>
void for_each_group(const parallel::Context& context, const CoreShape& shape, const Use& use) {
  if (!context.device.launches()) return;
  for (std::int64_t group = 0; group < shape.groups; ++group) {
    for (std::int64_t sequence = 0; sequence < shape.batch; ++sequence) use(group, sequence);
  }
}

/// Calls `use(index, head)` for the heads of a group: where in the group, and among all local ones.
template <class Use>
void for_each_head(const CoreShape& shape, std::int64_t group, const Use& use) {
  for (std::int64_t index = 0; index < shape.heads_per_group(); ++index) {
    use(index, group * shape.heads_per_group() + index);
  }
}

/// Columns of one group, or head, and sequence, in the type X in which products read or write them:
/// the tensor's own memory, or a converted copy in a workspace, where T is narrower.
template <class T, class X = kernels::Factor<T>>
class Panel {
 public:
  Panel(const parallel::Context& context, const CoreShape& shape, std::string_view name,
        std::int64_t width) {
    if constexpr (converts) {
      storage_ = context.ledger.tensor<X>(name, shape.layer, memory::TensorClass::workspace,
                                          shape.length, width);
    }
  }

  /// For reading: `part` [s, width] with its values.
  Matrix<X> load(Device& device, const Matrix<T>& part) const {
    if constexpr (converts) {
      kernels::convert(device, part, storage_.view());
      return storage_.view();
    } else {
      return part;
    }
  }
  /// For writing: what `store` will leave in `part`.
  Matrix<X> target([[maybe_unused]] const Matrix<T>& part) const {
    if constexpr (converts) {
      return storage_.view();
    } else {
      return part;
    }
  }
  void store([[maybe_unused]] Device& device, [[maybe_unused]] const Matrix<T>& part) const {
    if constexpr (converts) kernels::convert(device, storage_.view(), part);
  }

 private:
  static constexpr bool converts = !std::is_same_v<T, X>;
  memory::Tensor<X> storage_;
};

/// Scores, or their gradients, as products take them: themselves, or rounded into a workspace of
/// `rows` x `columns` where the library takes T, and T is narrower.
template <class T>
class ScoreFactor {
 public:
  using F = Accumulate<T>;
  using X = kernels::Factor<T>;

  ScoreFactor(const parallel::Context& context, const CoreShape& shape, std::int64_t rows,
              std::int64_t columns) {
    if constexpr (rounds) {
      storage_ = context.ledger.tensor<X>("rounded scores", shape.layer,
                                          memory::TensorClass::workspace, rows, columns);
    }
  }

  /// Good until the next call.
  Matrix<X> of([[maybe_unused]] Device& device, const Matrix<F>& scores) const {
    if constexpr (rounds) {
      const Matrix<X> rounded(storage_.data(), scores.extent(0), scores.extent(1));
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

  /// Takes and keeps qkv; returns the context, the input of proj, which it does not keep.
  virtual Tensor forward(const parallel::Context& context, Tensor qkv) = 0;
  /// Gradient of the context -> gradient of qkv; frees what forward kept. `output` is the context
  /// that forward returned, where `needs_output`, else empty.
  virtual Tensor backward(const parallel::Context& context, Tensor output,
                          Tensor output_gradient) = 0;
  [[nodiscard]] virtual bool needs_output() const = 0;
  /// Frees what forward kept, unused.
  virtual void forget() = 0;
};

/// The one that model.attention and recompute ask for.
template <class T>
std::unique_ptr<AttentionCore<T>> make_attention_core(const config::Case& settings,
                                                      const parallel::Context& context, int layer);

}  // namespace tidemark::model
