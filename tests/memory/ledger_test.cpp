// SPDX-License-Identifier: BSD-3-Clause
#include "memory/ledger.hpp"

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/error.hpp"

namespace tidemark::memory {
namespace {

std::string message_of(const auto& action) {
  try {
    action();
  } catch (const RunError& error) {
    return error.what();
  }
  return "";
}

std::vector<std::string> names_of(const std::vector<Entry>& entries) {
  std::vector<std::string> names;
  for (const Entry& entry : entries) names.emplace_back(entry.name);
  return names;
}

class LedgerTest : public ::testing::Test {
 protected:
  Tensor<float> make(std::string_view name, std::int64_t elements,
                     TensorClass tensor_class = TensorClass::transient, int layer = 0) {
    return ledger_.tensor<float>(name, layer, tensor_class, 1, elements);
  }
  Pool pool_;
  Ledger ledger_{pool_};
};

TEST_F(LedgerTest, ATensorHasTheShapeAndTheBytesOfItsElements) {
  ledger_.begin_step();
  const auto matrix = ledger_.tensor<double>("m", 3, TensorClass::saved, 5, 7);
  EXPECT_EQ(num_rows(matrix.view()), 5);
  EXPECT_EQ(num_columns(matrix.view()), 7);
  EXPECT_EQ(matrix.size(), 35U);
  EXPECT_EQ(matrix.data(), matrix.view().data());
  EXPECT_FALSE(matrix.empty());
  EXPECT_EQ(ledger_.tide().live_bytes, 280U);
  const auto mask = ledger_.tensor<std::uint8_t>("mask", 3, TensorClass::saved, 5, 7);
  EXPECT_EQ(ledger_.tide().live_bytes, 315U);
  EXPECT_EQ(ledger_.tide().tensors, 2U);
}

TEST_F(LedgerTest, PeakIsTheHighestSumAndListsWhatWasLiveInOrderOfBirth) {
  ledger_.begin_step();
  auto a = make("a", 100);
  auto b = make("b", 10);
  a.reset();
  auto c = make("c", 50);  // takes the slot of a, but is younger than b
  auto d = make("d", 60);  // 10 + 50 + 60: the tide
  d.reset();
  auto e = make("e", 59);
  for (auto* tensor : {&b, &c, &e}) tensor->reset();
  const Tide& tide = ledger_.end_step();
  EXPECT_EQ(tide.peak_bytes, 120U * sizeof(float));
  EXPECT_EQ(names_of(tide.at_peak), (std::vector<std::string>{"b", "c", "d"}));
  EXPECT_EQ(tide.live_bytes, 0U);
  EXPECT_EQ(tide.tensors, 5U);
}

TEST_F(LedgerTest, EntriesSayLayerClassBytesAndDirection) {
  ledger_.begin_step();
  const auto saved = make("saved one", 8, TensorClass::saved, 4);
  auto passing = make("passing", 2);
  passing.reset();
  ledger_.mark_turn();
  const auto scratch = make("scratch", 16, TensorClass::workspace, no_layer);
  const Tide& tide = ledger_.tide();

  ASSERT_EQ(names_of(tide.at_turn), std::vector<std::string>{"saved one"});
  ASSERT_EQ(names_of(tide.at_peak), (std::vector<std::string>{"saved one", "scratch"}));
  const Entry& first = tide.at_peak[0];
  EXPECT_EQ(first.layer, 4);
  EXPECT_EQ(first.tensor_class, TensorClass::saved);
  EXPECT_EQ(first.bytes, 32U);
  EXPECT_TRUE(first.from_forward);
  const Entry& second = tide.at_peak[1];
  EXPECT_EQ(second.layer, no_layer);
  EXPECT_EQ(second.tensor_class, TensorClass::workspace);
  EXPECT_EQ(second.bytes, 64U);
  EXPECT_FALSE(second.from_forward);
}

TEST_F(LedgerTest, AMovedTensorIsEnteredOnce) {
  ledger_.begin_step();
  auto source = make("one", 10);
  float* const data = source.data();
  Tensor<float> target = std::move(source);
  EXPECT_EQ(target.data(), data);
  EXPECT_EQ(ledger_.tide().live_bytes, 40U);
  auto other = make("two", 20);
  EXPECT_EQ(ledger_.tide().live_bytes, 120U);
  target = std::move(other);  // its former tensor dies
  EXPECT_EQ(ledger_.tide().live_bytes, 80U);
  EXPECT_EQ(ledger_.tide().tensors, 2U);
  target.reset();
  EXPECT_TRUE(target.empty());
  EXPECT_EQ(target.size(), 0U);
  target.reset();
  EXPECT_EQ(ledger_.tide().live_bytes, 0U);
  EXPECT_NO_THROW(ledger_.end_step());
}

TEST_F(LedgerTest, ALeakIsNamedAtTheEndOfTheStep) {
  ledger_.begin_step();
  auto forgotten = make("forgotten", 10, TensorClass::saved, 7);
  const auto also = make("also", 10, TensorClass::saved, 8);
  const std::string message = message_of([&] { ledger_.end_step(); });
  EXPECT_NE(message.find("2 activations"), std::string::npos) << message;
  EXPECT_NE(message.find("'forgotten' of layer 7"), std::string::npos) << message;
  EXPECT_NE(message.find("after the step"), std::string::npos) << message;
}

// A tensor may outlive its step because of an error or a forgotten owner. The accounts must still
// have it.
TEST_F(LedgerTest, ATensorHeldOneStepTooLongIsNamedUntilItDies) {
  ledger_.begin_step();
  auto held = make("held", 10, TensorClass::recomputed, 2);
  for (int attempt = 0; attempt < 2; ++attempt) {
    EXPECT_NE(message_of([&] { ledger_.end_step(); }).find("'held' of layer 2"), std::string::npos);
    const std::string message = message_of([&] { ledger_.begin_step(); });
    EXPECT_NE(message.find("1 activations"), std::string::npos) << message;
    EXPECT_NE(message.find("'held' of layer 2"), std::string::npos) << message;
  }
  EXPECT_EQ(ledger_.tide().live_bytes, 40U);
  held.reset();
  EXPECT_NO_THROW(ledger_.begin_step());
}

TEST_F(LedgerTest, NothingMayBeLiveWhenAStepBegins) {
  const auto early = make("early", 10);
  const std::string message = message_of([&] { ledger_.begin_step(); });
  EXPECT_NE(message.find("'early'"), std::string::npos) << message;
  EXPECT_NE(message.find("before the step"), std::string::npos) << message;
}

TEST_F(LedgerTest, EveryStepStartsANewAccount) {
  ledger_.begin_step();
  make("large", 1000).reset();
  ledger_.mark_turn();
  ledger_.end_step();
  ledger_.begin_step();
  EXPECT_EQ(ledger_.tide().peak_bytes, 0U);
  EXPECT_EQ(ledger_.tide().tensors, 0U);
  auto small = make("small", 10);
  ledger_.mark_turn();
  small.reset();
  const Tide& tide = ledger_.end_step();
  EXPECT_EQ(tide.peak_bytes, 40U);
  EXPECT_EQ(names_of(tide.at_peak), std::vector<std::string>{"small"});
  EXPECT_TRUE(tide.at_peak.front().from_forward);
  EXPECT_EQ(names_of(tide.at_turn), std::vector<std::string>{"small"});
}

TEST_F(LedgerTest, TensorsDoNotShareMemoryWhileTheyLive) {
  ledger_.begin_step();
  std::vector<Tensor<float>> tensors;
  for (int i = 0; i < 20; ++i) {
    tensors.push_back(make("x", 97));
    Kokkos::deep_copy(tensors.back().view(), static_cast<float>(i));
  }
  for (int i = 0; i < 20; ++i) {
    const auto host = Kokkos::create_mirror_view_and_copy(
        Kokkos::HostSpace(), tensors[static_cast<std::size_t>(i)].view());
    for (int j = 0; j < 97; ++j) ASSERT_EQ(host(0, j), static_cast<float>(i));
  }
}

TEST_F(LedgerTest, MemoryGoesBackToThePool) {
  const std::size_t elements = std::size_t{3} << 18;  // 3 MiB
  for (int step = 0; step < 4; ++step) {
    ledger_.begin_step();
    make("x", static_cast<std::int64_t>(elements)).reset();
    ledger_.end_step();
    EXPECT_EQ(ledger_.pool_bytes(), elements * sizeof(float));
  }
}

TEST(TensorClasses, HaveTheNamesOfTheRecords) {
  EXPECT_EQ(name_of(TensorClass::saved), "saved");
  EXPECT_EQ(name_of(TensorClass::recomputed), "recomputed");
  EXPECT_EQ(name_of(TensorClass::transient), "transient");
  EXPECT_EQ(name_of(TensorClass::workspace), "workspace");
}

}  // namespace
}  // namespace tidemark::memory
