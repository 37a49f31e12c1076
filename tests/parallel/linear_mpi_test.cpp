// SPDX-License-Identifier: BSD-3-Clause
// Sharded linear layers against the unsharded product, written as plain loops.
#include <gtest/gtest.h>

#include "parallel/column_parallel.hpp"
#include "parallel/linear_fixture.hpp"
#include "parallel/row_parallel.hpp"
#include "support/sharding.hpp"

namespace tidemark::parallel {
namespace {

using support::agrees;
using support::Table;

using Reals = ::testing::Types<bfloat16, float, double>;
TYPED_TEST_SUITE(Linear, Reals);

TYPED_TEST(Linear, ColumnParallelEqualsTheUnshardedProduct) {
  using T = TypeParam;
  using Layer = ColumnParallelLinear<T>;
  const Whole whole = this->whole();
  for (const auto bias : {Layer::Bias::in_product, Layer::Bias::left_to_caller}) {
    for (const support::Sharding sharding : support::all_shardings) {
      const bool sequence = is_sequence(sharding);
      const bool with_bias = bias == Layer::Bias::in_product;
      SCOPED_TRACE(::testing::Message() << sharding << ", bias " << with_bias);
      const Context context = this->context(sequence, keeps_gathered(sharding));
      ParameterStore<T> store;
      Layer layer(store, context, spec(), names, bias);
      store.allocate(this->device_);
      store.initialise(this->device_, 42);
      Kokkos::deep_copy(store.gradients(), 99);
      this->ledger_.begin_step();
      EXPECT_TRUE(agrees(read(layer.weight().value), this->own_part_of_rows(whole.weight), 0.0));

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
                         this->own_part_of_rows(whole.weight_gradient()), this->sum_bound));
      const Table<double> untouched(1, out / this->comm_.size(), 99.0);
      EXPECT_TRUE(agrees(read(layer.bias().gradient),
                         with_bias ? this->own_columns(whole.bias_gradient()) : untouched,
                         this->sum_bound));
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
    store.allocate(this->device_);
    store.initialise(this->device_, 42);
    const Parameter<T>& weight = store.parameters().front();
    this->ledger_.begin_step();
    EXPECT_TRUE(agrees(read(weight.value), this->own_columns(whole.weight), 0.0));
    EXPECT_TRUE(agrees(read(layer.bias().value), whole.bias, 0.0));

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
        agrees(read(weight.gradient), this->own_columns(whole.weight_gradient()), this->sum_bound));
  }
}

// What stays live between forward and backward is what the memory formula counts.
TYPED_TEST(Linear, ColumnParallelSavesTheShardUnlessToldToKeepTheGathered) {
  using T = TypeParam;
  const Whole whole = this->whole();
  for (const support::Sharding sharding : support::all_shardings) {
    const Context context = this->context(is_sequence(sharding), keeps_gathered(sharding));
    ParameterStore<T> store;
    ColumnParallelLinear<T> layer(store, context, spec(), names,
                                  ColumnParallelLinear<T>::Bias::in_product);
    store.allocate(this->device_);
    store.initialise(this->device_, 42);
    this->ledger_.begin_step();
    auto y = layer.forward(context, this->tensor(this->own_rows(whole.x, is_sequence(sharding))));
    y.reset();
    const std::int64_t rows =
        sharding == support::Sharding::sequence ? tokens / this->comm_.size() : tokens;
    EXPECT_EQ(this->ledger_.tide().live_bytes, static_cast<std::size_t>(rows * in) * sizeof(T));
    layer.backward(context, this->tensor(this->own_columns(whole.dy))).reset();
    EXPECT_EQ(this->ledger_.tide().live_bytes, 0U);
  }
}

}  // namespace
}  // namespace tidemark::parallel
