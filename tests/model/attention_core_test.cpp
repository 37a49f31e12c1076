// SPDX-License-Identifier: BSD-3-Clause
// Both attention cores against plain loops, with heads that share their keys and values.
#include "model/attention_core.hpp"

#include <cstdint>
#include <utility>

#include <gtest/gtest.h>

#include "comm/wrappers/self.hpp"
#include "kernels/attention_head.hpp"
#include "support/cases.hpp"
#include "support/libraries.hpp"
#include "support/tables.hpp"
#include "theory/attention_blocks.hpp"

namespace tidemark::model {
namespace {

using kernels::ScoreShape;
using kernels::reference::product;
using support::agrees;
using support::in_double;
using support::random_table;
using support::Table;

Table<double> transposed(const Table<double>& x) {
  Table<double> result(x.columns, x.rows);
  for (std::int64_t i = 0; i < x.rows; ++i) {
    for (std::int64_t j = 0; j < x.columns; ++j) result(j, i) = x(i, j);
  }
  return result;
}

/// Rows of one sequence, and `count` columns from `first` on.
Table<double> cut(const Table<double>& tokens, std::int64_t batch, std::int64_t sequence,
                  std::int64_t first, std::int64_t count) {
  Table<double> part(tokens.rows / batch, count);
  for (std::int64_t i = 0; i < part.rows; ++i) {
    for (std::int64_t j = 0; j < count; ++j) part(i, j) = tokens(i * batch + sequence, first + j);
  }
  return part;
}

void add(const Table<double>& part, std::int64_t batch, std::int64_t sequence, std::int64_t first,
         Table<double>& tokens) {
  for (std::int64_t i = 0; i < part.rows; ++i) {
    for (std::int64_t j = 0; j < part.columns; ++j) {
      tokens(i * batch + sequence, first + j) += part(i, j);
    }
  }
}

struct Outcome {
  Table<double> context, qkv_gradient;
};

/// By the definition, head by head.
Outcome naive(const config::ModelConfig& m, const Table<double>& qkv, const Table<double>& dout) {
  const std::int64_t d = m.head_size(), b = m.micro_batch_size;
  const std::int64_t n = m.num_attention_heads / m.num_query_groups;
  const ScoreShape shape{1.0 / std::sqrt(static_cast<double>(d)), m.causal};
  Outcome outcome{Table<double>(qkv.rows, m.hidden_size), Table<double>(qkv.rows, qkv.columns)};
  for (std::int64_t sequence = 0; sequence < b; ++sequence) {
    for (std::int64_t head = 0; head < m.num_attention_heads; ++head) {
      const std::int64_t group = head / n * (n + 2) * d;
      const std::int64_t at_q = group + head % n * d, at_k = group + n * d, at_v = at_k + d;
      const Table<double> q = cut(qkv, b, sequence, at_q, d), k = cut(qkv, b, sequence, at_k, d),
                          v = cut(qkv, b, sequence, at_v, d);
      const Table<double> dy = cut(dout, b, sequence, head * d, d);
      const Table<double> p = kernels::reference::softmax(shape, product(q, k, true));
      add(product(p, v), b, sequence, head * d, outcome.context);
      const Table<double> ds = kernels::reference::softmax_gradient(
          shape, p, Table<double>(p.rows, p.columns, 1.0), product(dy, v, true));
      add(product(ds, k), b, sequence, at_q, outcome.qkv_gradient);
      add(product(transposed(ds), q), b, sequence, at_k, outcome.qkv_gradient);
      add(product(transposed(p), dy), b, sequence, at_v, outcome.qkv_gradient);
    }
  }
  return outcome;
}

template <class T>
class AttentionCores : public ::testing::Test {
 protected:
  memory::Tensor<T> tensor(const Table<T>& values) {
    auto result =
        ledger_.tensor<T>("given", 0, memory::TensorClass::transient, values.rows, values.columns);
    write(result.view(), values);
    return result;
  }
  static void write(const Matrix<T>& matrix, const Table<T>& table) {
    const auto host = Kokkos::create_mirror_view(matrix);
    for (std::int64_t i = 0; i < table.rows; ++i) {
      for (std::int64_t j = 0; j < table.columns; ++j) host(i, j) = table(i, j);
    }
    Kokkos::deep_copy(matrix, host);
  }
  static Table<T> read(const Matrix<T>& matrix) {
    const auto host = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace(), matrix);
    Table<T> table(num_rows(matrix), num_columns(matrix));
    for (std::int64_t i = 0; i < table.rows; ++i) {
      for (std::int64_t j = 0; j < table.columns; ++j) table(i, j) = host(i, j);
    }
    return table;
  }
  /// Makes all rows in so many pieces, the last piece first.
  memory::Tensor<T> made(parallel::RowsOnDemand<T> demanded, std::int64_t pieces = 1) {
    const std::int64_t height = num_rows(demanded.tensor.view());
    for (std::int64_t piece = pieces - 1; piece >= 0; --piece) {
      const std::int64_t first = first_of_piece(height, pieces, piece);
      demanded.make(first, first_of_piece(height, pieces, piece + 1) - first);
    }
    device_.fence();
    return std::move(demanded.tensor);
  }
  /// Takes batches of at most so many groups, and makes the rows of the core output in so many
  /// pieces.
  void expect_the_plain_loops(const config::Case& c, std::int64_t groups_at_once = 1,
                              std::int64_t pieces = 1) {
    for (const ProductMethod& method : support::product_methods()) {
      device_.products = method;
      expect_the_plain_loops_by_library(c, groups_at_once, pieces);
    }
  }

  void expect_the_plain_loops_by_library(const config::Case& c, std::int64_t groups_at_once,
                                         std::int64_t pieces) {
    SCOPED_TRACE(::testing::Message()
                 << support::describe(c) << ", " << groups_at_once << " groups at once, " << pieces
                 << " pieces, " << word_of(device_.products.library)
                 << (device_.products.takes_bf16 ? "" : " in fp32"));
    const parallel::Context context{device_, ledger_, alone_, c.model.tokens()};
    const auto qkv = random_table<T>(
        c.model.tokens(),
        (c.model.num_attention_heads / c.parallel.tensor + 2 * c.key_value_heads_per_rank()) *
            c.model.head_size(),
        1, 4.0);
    const auto dout = random_table<T>(c.model.tokens(), c.model.hidden_size, 2);
    const Outcome expected = naive(c.model, in_double(qkv), in_double(dout));
    CoreShape shape(c, context, 0);
    shape.groups_at_once = groups_at_once;
    const auto core = make_attention_core<T>(c, shape, this->device_.products);
    const std::uint64_t before = device_.gemm_flops;
    auto out = made(core->forward(context, tensor(qkv)), pieces);
    // In bf16 the probabilities are rounded, and so is the core output in the gradients.
    const double bound = sizeof(T) == 2 ? 2e-2 : support::tolerance<T>;
    EXPECT_TRUE(agrees(read(out.view()), expected.context, bound));
    if (!core->needs_output()) out.reset();
    const auto gradient = core->backward(context, std::move(out), tensor(dout));
    device_.fence();
    operations_ = device_.gemm_flops - before;
    EXPECT_TRUE(agrees(read(gradient.view()), expected.qkv_gradient, bound));
  }

  Device device_;
  std::uint64_t operations_ = 0;  ///< of the products of the last core
  memory::Pool pool_;
  memory::Ledger ledger_{pool_};
  comm::SelfCommunicator alone_;
};
TYPED_TEST_SUITE(AttentionCores, support::Precisions);

TYPED_TEST(AttentionCores, EqualThePlainLoopsHoweverManyHeadsShareKeysAndValues) {
  for (const std::int64_t groups : {8, 4, 2, 1}) {
    for (const bool causal : {true, false}) {
      config::Case c = support::small_llama(1, false, dtype_of<TypeParam>, groups);
      c.model.causal = causal;
      this->expect_the_plain_loops(c);
      this->expect_the_plain_loops(support::recomputing(c, "selective"));
      this->expect_the_plain_loops(support::blocked(c));
    }
  }
}

// All groups at once, as on a device, and batches of which the last is smaller.
TYPED_TEST(AttentionCores, EqualThePlainLoopsInBatchesOfGroups) {
  for (const std::int64_t groups : {8, 4}) {
    for (const std::int64_t at_once : {std::int64_t{3}, groups}) {
      const config::Case c = support::small_llama(1, false, dtype_of<TypeParam>, groups);
      this->expect_the_plain_loops(c, at_once);
      this->expect_the_plain_loops(support::recomputing(c, "selective"), at_once);
      this->expect_the_plain_loops(support::blocked(c), at_once);
    }
  }
}

// Pieces end between tokens of one position, and within blocks of positions.
TYPED_TEST(AttentionCores, EqualThePlainLoopsInWhateverOrderRowsAreAskedFor) {
  for (const std::int64_t pieces : {2, 3, 5, 7}) {
    for (const bool causal : {true, false}) {
      config::Case c = support::small_llama(1, false, dtype_of<TypeParam>, 4);
      c.model.causal = causal;
      c.model.micro_batch_size = 3;
      this->expect_the_plain_loops(c, 1, pieces);
      this->expect_the_plain_loops(c, 3, pieces);
      this->expect_the_plain_loops(support::recomputing(c, "selective"), 1, pieces);
      this->expect_the_plain_loops(support::blocked(c), 3, pieces);
    }
  }
}

// More positions than a block has, and pieces that end within blocks. Hidden blocks are skipped.
TYPED_TEST(AttentionCores, EqualThePlainLoopsInSeveralBlocks) {
  for (const bool causal : {true, false}) {
    config::Case c = support::small_llama(1, false, dtype_of<TypeParam>, 2);
    c.model.causal = causal;
    c.model.micro_batch_size = 1;
    c.model.seq_length = 2 * c.model.score_block() + 40;
    const std::int64_t pairs =
        theory::visible_pairs(c.model.seq_length, c.model.score_block(), causal);
    const auto product =
        static_cast<std::uint64_t>(2 * c.model.num_attention_heads * pairs * c.model.head_size());
    for (const std::int64_t pieces : {1, 3}) {
      this->expect_the_plain_loops(c, 2, pieces);
      EXPECT_EQ(this->operations_, 6 * product);
      this->expect_the_plain_loops(support::recomputing(c, "selective"), 1, pieces);
      EXPECT_EQ(this->operations_, 7 * product);
    }
  }
}

// Every head drops its own elements. They are the same with and without batches, and with and
// without pieces.
TYPED_TEST(AttentionCores, DropTheSameInBatches) {
  using T = TypeParam;
  config::Case c = support::small_llama(1, false, dtype_of<T>, 4);
  c.model.attention_dropout = 0.3;
  const parallel::Context context{this->device_, this->ledger_, this->alone_, c.model.tokens()};
  const auto qkv = random_table<T>(
      c.model.tokens(),
      (c.model.num_attention_heads + 2 * c.model.num_query_groups) * c.model.head_size(), 1, 4.0);
  const auto dout = random_table<T>(c.model.tokens(), c.model.hidden_size, 2);
  for (const config::Case& variant :
       {c, support::recomputing(c, "selective"), support::blocked(c)}) {
    SCOPED_TRACE(support::describe(variant));
    std::vector<Table<T>> results;
    for (const auto& [at_once, pieces] : {std::pair{1, 1}, {3, 1}, {4, 1}, {1, 3}, {3, 5}}) {
      CoreShape shape(variant, context, 0);
      shape.groups_at_once = at_once;
      const auto core = make_attention_core<T>(variant, shape, this->device_.products);
      auto out = this->made(core->forward(context, this->tensor(qkv)), pieces);
      results.push_back(this->read(out.view()));
      if (!core->needs_output()) out.reset();
      const auto gradient = core->backward(context, std::move(out), this->tensor(dout));
      this->device_.fence();
      results.push_back(this->read(gradient.view()));
    }
    for (std::size_t i = 2; i < results.size(); ++i) {
      EXPECT_TRUE(agrees(results[i], in_double(results[i % 2]), support::tolerance<T>));
    }
  }
}

// The workspace of a batch is in the ledger.
TYPED_TEST(AttentionCores, TakeAWorkspaceForEachGroupOfABatch) {
  using T = TypeParam;
  const config::Case c = support::small_llama(1, false, dtype_of<T>, 4);
  const parallel::Context context{this->device_, this->ledger_, this->alone_, c.model.tokens()};
  const auto qkv = random_table<T>(
      c.model.tokens(),
      (c.model.num_attention_heads + 2 * c.model.num_query_groups) * c.model.head_size(), 1);
  const auto score_gradient_bytes = [&](std::int64_t at_once) {
    CoreShape shape(c, context, 0);
    shape.groups_at_once = at_once;
    this->ledger_.begin_step();
    const auto core = make_attention_core<T>(c, shape, this->device_.products);
    this->made(core->forward(context, this->tensor(qkv))).reset();
    core->backward(context, {},
                   this->tensor(random_table<T>(c.model.tokens(), c.model.hidden_size, 2)));
    std::int64_t bytes = 0;
    for (const auto& entry : this->ledger_.tide().at_peak) {
      if (entry.name == "score gradient") bytes += static_cast<std::int64_t>(entry.bytes);
    }
    return bytes;
  };
  const std::int64_t s = c.model.seq_length;
  EXPECT_EQ(score_gradient_bytes(1), s * s * std::int64_t{sizeof(Accumulate<T>)});
  EXPECT_EQ(score_gradient_bytes(3), 3 * s * s * std::int64_t{sizeof(Accumulate<T>)});
}

}  // namespace
}  // namespace tidemark::model
