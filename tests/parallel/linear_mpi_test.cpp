// Sharded linear layers against the unsharded product, written as plain loops.
#include "parallel/linear.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>

#include "comm/mpi.hpp"
#include "comm/self.hpp"
#include "support/tables.hpp"

namespace tidemark::parallel {
namespace {

using namespace std::chrono_literals;
using memory::TensorClass;
using support::agrees;
using support::random_table;
using support::Table;

constexpr std::int64_t tokens = 12;
constexpr std::int64_t in = 20;
constexpr std::int64_t out = 28;
constexpr LinearNames names{"x", "x gathered", "y", "y shard", "dx", "dx shard", "dy gathered"};

LinearSpec spec() { return {"test", 3, in, out, 5, 6, TensorClass::saved}; }

/// Inputs and results of the whole layer Y = X W^T, in doubles.
struct Whole {
  Table<double> x, dy, weight, bias;

  [[nodiscard]] Table<double> y(bool with_bias) const {
    Table<double> result(tokens, out);
    for (std::int64_t i = 0; i < tokens; ++i) {
      for (std::int64_t o = 0; o < out; ++o) {
        result(i, o) = with_bias ? bias(0, o) : 0.0;
        for (std::int64_t j = 0; j < in; ++j) result(i, o) += x(i, j) * weight(o, j);
      }
    }
    return result;
  }
  [[nodiscard]] Table<double> dx() const {
    Table<double> result(tokens, in);
    for (std::int64_t i = 0; i < tokens; ++i) {
      for (std::int64_t j = 0; j < in; ++j) {
        for (std::int64_t o = 0; o < out; ++o) result(i, j) += dy(i, o) * weight(o, j);
      }
    }
    return result;
  }
  [[nodiscard]] Table<double> weight_gradient() const {
    Table<double> result(out, in);
    for (std::int64_t o = 0; o < out; ++o) {
      for (std::int64_t j = 0; j < in; ++j) {
        for (std::int64_t i = 0; i < tokens; ++i) result(o, j) += dy(i, o) * x(i, j);
      }
    }
    return result;
  }
  [[nodiscard]] Table<double> bias_gradient() const {
    Table<double> result(1, out);
    for (std::int64_t o = 0; o < out; ++o) {
      for (std::int64_t i = 0; i < tokens; ++i) result(0, o) += dy(i, o);
    }
    return result;
  }
};

template <class T>
Table<T> read(const Matrix<T>& matrix) {
  const auto host = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace(), matrix);
  Table<T> table(num_rows(matrix), num_columns(matrix));
  for (std::int64_t i = 0; i < table.rows; ++i) {
    for (std::int64_t j = 0; j < table.columns; ++j) table(i, j) = host(i, j);
  }
  return table;
}

template <class T>
class Linear : public ::testing::Test {
 protected:
  using Column = ColumnParallelLinear<T>;
  using Row = RowParallelLinear<T>;
  using Bias = typename Column::Bias;

  Context context(bool sequence, bool keep = false) {
    return {device_, ledger_, comm_, tokens, sequence, keep};
  }
  /// Weights as a layer on one rank has them.
  Whole whole() {
    comm::SelfCommunicator alone;
    const Context context{device_, ledger_, alone, tokens, false, false};
    ParameterStore<T> store;
    Column layer(store, context, spec(), names, Bias::in_product);
    store.allocate();
    store.initialise(device_, 42);
    return {random_table<double>(tokens, in, 1), random_table<double>(tokens, out, 2),
            in_double(read(layer.weight().value)), in_double(read(layer.bias().value))};
  }
  memory::Tensor<T> tensor(const Table<double>& values) {
    auto result =
        ledger_.tensor<T>("given", 0, TensorClass::transient, values.rows, values.columns);
    const auto host = Kokkos::create_mirror_view(result.view());
    for (std::int64_t i = 0; i < values.rows; ++i) {
      for (std::int64_t j = 0; j < values.columns; ++j) host(i, j) = static_cast<T>(values(i, j));
    }
    Kokkos::deep_copy(result.view(), host);
    return result;
  }
  Table<double> own_rows(const Table<double>& table, bool sequence) {
    const std::int64_t count = sequence ? table.rows / comm_.size() : table.rows;
    return rows_of(table, sequence ? comm_.rank() * count : 0, count);
  }
  Table<double> own_part_of_rows(const Table<double>& table) { return own_rows(table, true); }
  Table<double> own_columns(const Table<double>& table) {
    const std::int64_t count = table.columns / comm_.size();
    return columns_of(table, comm_.rank() * count, count);
  }

  Device device_;
  memory::Pool pool_;
  memory::Ledger ledger_{pool_};
  comm::MpiCommunicator comm_{MPI_COMM_WORLD, 60s};
  static constexpr double bound = sizeof(T) == 8 ? 1e-13 : 1e-5;
};
using Reals = ::testing::Types<float, double>;
TYPED_TEST_SUITE(Linear, Reals);

TYPED_TEST(Linear, ColumnParallelEqualsTheUnshardedProduct) {
  using T = TypeParam;
  using Layer = ColumnParallelLinear<T>;
  const Whole whole = this->whole();
  for (const auto bias : {Layer::Bias::in_product, Layer::Bias::left_to_caller}) {
    for (const int mode : {0, 1, 2}) {
      const bool sequence = mode > 0;
      const bool with_bias = bias == Layer::Bias::in_product;
      SCOPED_TRACE(::testing::Message() << "mode " << mode << ", bias " << with_bias);
      const Context context = this->context(sequence, mode == 2);
      ParameterStore<T> store;
      Layer layer(store, context, spec(), names, bias);
      store.allocate();
      store.initialise(this->device_, 42);
      Kokkos::deep_copy(store.gradients(), T(99));
      this->ledger_.begin_step();
      EXPECT_TRUE(
          agrees(read(layer.weight().value), this->own_part_of_rows(whole.weight), this->bound));

      auto y = layer.forward(context, this->tensor(this->own_rows(whole.x, sequence)));
      this->device_.fence();
      EXPECT_TRUE(agrees(read(y.view()), this->own_columns(whole.y(with_bias)), this->bound));
      y.reset();
      auto dx = layer.backward(context, this->tensor(this->own_columns(whole.dy)));
      this->device_.fence();
      EXPECT_TRUE(agrees(read(dx.view()), this->own_rows(whole.dx(), sequence), this->bound));
      dx.reset();
      this->ledger_.end_step();  // the saved input is gone

      EXPECT_TRUE(agrees(read(layer.weight().gradient),
                         this->own_part_of_rows(whole.weight_gradient()), this->bound));
      const Table<double> untouched(1, out / this->comm_.size(), 99.0);
      EXPECT_TRUE(agrees(read(layer.bias().gradient),
                         with_bias ? this->own_columns(whole.bias_gradient()) : untouched,
                         this->bound));
    }
  }
}

TYPED_TEST(Linear, RowParallelEqualsTheUnshardedProduct) {
  using T = TypeParam;
  const Whole whole = this->whole();
  for (const bool sequence : {false, true}) {
    SCOPED_TRACE(::testing::Message() << "SP " << sequence);
    const Context context = this->context(sequence);
    ParameterStore<T> store;
    RowParallelLinear<T> layer(store, context, spec(), names);
    store.allocate();
    store.initialise(this->device_, 42);
    const Parameter<T>& weight = store.parameters().front();
    this->ledger_.begin_step();
    EXPECT_TRUE(agrees(read(weight.value), this->own_columns(whole.weight), this->bound));
    EXPECT_TRUE(agrees(read(layer.bias().value), whole.bias, this->bound));

    auto y = layer.forward(context, this->tensor(this->own_columns(whole.x)));
    this->device_.fence();
    EXPECT_TRUE(agrees(read(y.view()), this->own_rows(whole.y(false), sequence), this->bound));
    y.reset();
    auto dx = layer.backward(context, this->tensor(this->own_rows(whole.dy, sequence)));
    this->device_.fence();
    EXPECT_TRUE(agrees(read(dx.view()), this->own_columns(whole.dx()), this->bound));
    dx.reset();
    this->ledger_.end_step();
    EXPECT_TRUE(
        agrees(read(weight.gradient), this->own_columns(whole.weight_gradient()), this->bound));
  }
}

// What stays live between forward and backward is what the memory formula counts.
TYPED_TEST(Linear, ColumnParallelSavesTheShardUnlessToldToKeepTheGathered) {
  using T = TypeParam;
  const Whole whole = this->whole();
  for (const int mode : {0, 1, 2}) {
    const Context context = this->context(mode > 0, mode == 2);
    ParameterStore<T> store;
    ColumnParallelLinear<T> layer(store, context, spec(), names,
                                  ColumnParallelLinear<T>::Bias::in_product);
    store.allocate();
    store.initialise(this->device_, 42);
    this->ledger_.begin_step();
    auto y = layer.forward(context, this->tensor(this->own_rows(whole.x, mode > 0)));
    y.reset();
    const std::int64_t rows = mode == 1 ? tokens / this->comm_.size() : tokens;
    EXPECT_EQ(this->ledger_.tide().live_bytes, static_cast<std::size_t>(rows * in) * sizeof(T));
    layer.backward(context, this->tensor(this->own_columns(whole.dy))).reset();
    EXPECT_EQ(this->ledger_.tide().live_bytes, 0U);
  }
}

}  // namespace
}  // namespace tidemark::parallel
