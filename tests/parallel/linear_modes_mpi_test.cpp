// SPDX-License-Identifier: BSD-3-Clause
// What else linear layers must support: a weight that two modules share, an output that is not
// rounded, an input that is handed over, and a forward pass that is forgotten.
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "parallel/linear_fixture.hpp"
#include "support/sharding.hpp"

namespace tidemark::parallel {
namespace {

using memory::TensorClass;
using support::agrees;

template <class T>
class LinearModes : public Linear<T> {
 protected:
  static std::vector<std::string> classes_of(const std::vector<memory::Entry>& entries) {
    std::vector<std::string> lines;
    for (const memory::Entry& entry : entries) {
      lines.push_back(std::string(entry.name) + ": " +
                      std::string(memory::name_of(entry.tensor_class)));
    }
    return lines;
  }
  std::vector<std::string> live() {
    this->ledger_.mark_turn();
    return classes_of(this->ledger_.tide().at_turn);
  }
};
using Reals = ::testing::Types<bfloat16, float, double>;
TYPED_TEST_SUITE(LinearModes, Reals);

/// The output projection of a stack. Its weight is that of the embedding, and its output has the
/// type of sums.
TYPED_TEST(LinearModes, ASharedWeightIsUsedAndItsGradientWritten) {
  using T = TypeParam;
  using F = Accumulate<T>;
  const Whole whole = this->whole();
  const std::int64_t rows = out / this->comm_.size();
  for (const support::Sharding sharding : support::all_shardings) {
    const bool sequence = is_sequence(sharding);
    SCOPED_TRACE(::testing::Message() << sharding);
    const Context context = this->context(sequence, keeps_gathered(sharding));
    ParameterStore<T> store;
    Parameter<T>& weight = store.declare({"table",
                                          5,
                                          Sharing::sharded,
                                          in,
                                          {{rows, {context.rank() * rows, 0, in}}},
                                          0.0,
                                          std::sqrt(12.0 / in)});
    ColumnParallelLinear<T, F> layer(weight, spec(), names);
    store.allocate(this->device_);
    store.initialise(this->device_, 42);
    EXPECT_EQ(store.parameters().size(), 1U);  // the layer declares no weight of its own
    EXPECT_EQ(&layer.weight(), &weight);
    EXPECT_TRUE(agrees(read(weight.value), this->own_part_of_rows(whole.weight), 0.0));
    Kokkos::deep_copy(store.gradients(), 99);

    this->ledger_.begin_step();
    memory::Tensor<F> y =
        layer.forward(context, this->tensor(this->own_rows(whole.x, sequence))).take();
    this->device_.fence();
    EXPECT_TRUE(agrees(read(y.view()), this->own_columns(whole.y(false)), this->sum_bound));
    y.reset();
    auto dx = layer.backward(context, this->template tensor<F>(this->own_columns(whole.dy)));
    this->device_.fence();
    EXPECT_TRUE(agrees(read(dx.view()), this->own_rows(whole.dx(), sequence), this->bound));
    dx.reset();
    this->ledger_.end_step();
    EXPECT_TRUE(agrees(read(weight.gradient), this->own_part_of_rows(whole.weight_gradient()),
                       this->sum_bound));
  }
}

TYPED_TEST(LinearModes, AForgottenForwardLeavesNothingAndCanBeRunAgain) {
  using T = TypeParam;
  const Whole whole = this->whole();
  for (const support::Sharding sharding : support::all_shardings) {
    const bool sequence = is_sequence(sharding);
    const Context context = this->context(sequence, keeps_gathered(sharding));
    ParameterStore<T> store;
    ColumnParallelLinear<T> column(store, context, spec(), names,
                                   ColumnParallelLinear<T>::Bias::in_product);
    RowParallelLinear<T> row(store, context, spec(), names);
    store.allocate(this->device_);
    store.initialise(this->device_, 42);
    this->ledger_.begin_step();
    for (int pass = 0; pass < 2; ++pass) {
      column.forward(context, this->tensor(this->own_rows(whole.x, sequence))).reset();
      row.forward(context, this->tensor(this->own_columns(whole.x))).reset();
      EXPECT_GT(this->ledger_.tide().live_bytes, 0U);
      if (pass == 0) {
        column.forget();
        row.forget();
        EXPECT_EQ(this->ledger_.tide().live_bytes, 0U);
      }
    }
    column.backward(context, this->tensor(this->own_columns(whole.dy))).reset();
    row.backward(context, this->tensor(this->own_rows(whole.dy, sequence))).reset();
    this->device_.fence();
    EXPECT_NO_THROW(this->ledger_.end_step());
    EXPECT_TRUE(agrees(read(column.weight().gradient),
                       this->own_part_of_rows(whole.weight_gradient()), this->sum_bound));
    EXPECT_TRUE(agrees(read(store.parameters()[2].gradient),
                       this->own_columns(whole.weight_gradient()), this->sum_bound));
  }
}

TYPED_TEST(LinearModes, RowParallelHandsItsInputOverAfterBackward) {
  using T = TypeParam;
  const Whole whole = this->whole();
  for (const bool sequence : {false, true}) {
    const Context context = this->context(sequence);
    ParameterStore<T> store;
    RowParallelLinear<T> layer(store, context, spec(), names);
    store.allocate(this->device_);
    store.initialise(this->device_, 42);
    this->ledger_.begin_step();
    auto x = this->tensor(this->own_columns(whole.x));
    const T* const memory = x.data();
    layer.forward(context, std::move(x)).reset();
    memory::Tensor<T> handed_over;
    auto dx =
        layer.backward(context, this->tensor(this->own_rows(whole.dy, sequence)), {}, &handed_over);
    this->device_.fence();
    EXPECT_EQ(handed_over.data(), memory);
    EXPECT_TRUE(agrees(read(handed_over.view()), this->own_columns(whole.x), 0.0));
    EXPECT_TRUE(agrees(read(dx.view()), this->own_columns(whole.dx()), this->bound));
    EXPECT_TRUE(agrees(read(store.parameters().front().gradient),
                       this->own_columns(whole.weight_gradient()), this->sum_bound));
    dx.reset();
    EXPECT_THROW(this->ledger_.end_step(), RunError);  // the caller has it now
    handed_over.reset();
    EXPECT_NO_THROW(this->ledger_.end_step());
  }
}

// Tensors that are kept have the class that the layer around asks for. All others are transient.
TYPED_TEST(LinearModes, WhatIsKeptHasTheClassOfTheContext) {
  using T = TypeParam;
  const Whole whole = this->whole();
  for (const TensorClass kept : {TensorClass::saved, TensorClass::recomputed}) {
    const std::string word(memory::name_of(kept));
    const Context context = this->context(true, true, kept);
    for (const bool keeps_output : {true, false}) {
      LinearSpec own_spec = spec();
      own_spec.keeps_output = keeps_output;
      ParameterStore<T> store;
      ColumnParallelLinear<T> layer(store, context, own_spec, names,
                                    ColumnParallelLinear<T>::Bias::left_to_caller);
      store.allocate(this->device_);
      store.initialise(this->device_, 42);
      this->ledger_.begin_step();
      auto y = layer.forward(context, this->tensor(this->own_rows(whole.x, true)));
      EXPECT_EQ(this->live(), (std::vector<std::string>{
                                  "x: " + word, "y: " + (keeps_output ? word : "transient")}));
      y.reset();
      layer.forget();
      this->ledger_.end_step();
    }
  }
}

}  // namespace
}  // namespace tidemark::parallel
