// SPDX-License-Identifier: BSD-3-Clause
#include "parallel/parameters.hpp"

#include <type_traits>

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "comm/wrappers/self.hpp"

namespace tidemark::parallel {
namespace {

ParameterSpec spec(const char* name, Sharing sharing, std::int64_t rows, std::int64_t columns) {
  return {name, 33, sharing, columns, {{rows, {0, 0, columns}}}, 0.0, 1.0};
}

TEST(ParameterStore, PlacesReplicatedParametersFirstEndToEndInOrderOfDeclaration) {
  ParameterStore<float> store;
  const auto& a = store.declare(spec("a", Sharing::sharded, 2, 3));
  const auto& b = store.declare(spec("b", Sharing::replicated, 1, 5));
  const auto& c = store.declare(spec("c", Sharing::sharded, 1, 4));
  const auto& d = store.declare(spec("d", Sharing::replicated, 1, 7));
  store.allocate(Device());
  float* const gradients = store.gradients().data();
  EXPECT_EQ(b.gradient.data(), gradients);
  EXPECT_EQ(d.gradient.data(), gradients + 5);
  EXPECT_EQ(a.gradient.data(), gradients + 12);
  EXPECT_EQ(c.gradient.data(), gradients + 18);
  EXPECT_EQ(store.gradients().extent(0), 22U);
  EXPECT_EQ(store.replicated_gradients().data(), gradients);
  EXPECT_EQ(store.replicated_gradients().extent(0), 12U);
  EXPECT_EQ(store.value_bytes(), 22 * sizeof(float));
  EXPECT_EQ(store.gradient_bytes(), 22 * sizeof(float));
  // Values have the same layout as gradients, in other memory.
  EXPECT_EQ(d.value.data() - b.value.data(), 5);
  EXPECT_EQ(a.value.data() - d.value.data(), 7);
  EXPECT_NE(a.value.data(), a.gradient.data());
  EXPECT_EQ(num_rows(a.value), 2);
  EXPECT_EQ(num_columns(a.value), 3);
  EXPECT_EQ(c.vector().extent(0), 4U);
  EXPECT_EQ(c.vector_gradient().data(), c.gradient.data());
}

TEST(ParameterStore, TakesNoMoreDeclarationsOnceAllocated) {
  ParameterStore<double> store;
  store.declare(spec("a", Sharing::sharded, 2, 3));
  store.allocate(Device());
  EXPECT_THROW(store.declare(spec("late", Sharing::sharded, 2, 3)), BrokenInvariant);
}

TEST(ParameterStore, GradientsOfBf16AreFp32) {
  ParameterStore<bfloat16> store;
  const auto& a = store.declare(spec("a", Sharing::sharded, 2, 3));
  const auto& b = store.declare(spec("b", Sharing::replicated, 1, 5));
  store.allocate(Device());
  static_assert(std::is_same_v<decltype(a.gradient), Matrix<float>>);
  EXPECT_EQ(store.value_bytes(), 22U);
  EXPECT_EQ(store.gradient_bytes(), 44U);
  EXPECT_EQ(a.value.data() - b.value.data(), 5);
  EXPECT_EQ(a.gradient.data() - b.gradient.data(), 5);
}

TEST(ParameterStore, InADryRunItCountsBytesAndAllocatesNone) {
  ParameterStore<bfloat16> store;
  const auto& huge = store.declare(spec("huge", Sharing::sharded, 1 << 20, 1 << 20));
  const auto& row = store.declare(spec("row", Sharing::replicated, 1, 8));
  Device device = Device::dry_run();
  store.allocate(device);
  store.initialise(device, 7);
  EXPECT_EQ(store.value_bytes(), (std::size_t{1} << 41) + 16);
  EXPECT_EQ(store.gradient_bytes(), (std::size_t{1} << 42) + 32);
  EXPECT_EQ(num_columns(huge.value), 1 << 20);
  EXPECT_EQ(huge.gradient.data() - row.gradient.data(), 8);
}

TEST(ParameterStore, OneRankHasNothingToReduce) {
  Device device;
  memory::Pool pool;
  memory::Ledger ledger(pool);
  comm::SelfCommunicator communicator;
  ParameterStore<double> store;
  store.declare(spec("a", Sharing::replicated, 1, 3));
  store.allocate(Device());
  const Context context{device, ledger, communicator, 8, true};
  store.reduce_replicated_gradients(context);
  EXPECT_EQ(communicator.counters().total(comm::Purpose::gradient).calls, 0);
}

}  // namespace
}  // namespace tidemark::parallel
