// SPDX-License-Identifier: BSD-3-Clause
// A stack computes the same for any number of ranks, with dropout on.
#include <chrono>
#include <cmath>

#include <gtest/gtest.h>

#include "bench/verify/verification.hpp"
#include "comm/mpi/mpi_communicator.hpp"
#include "comm/wrappers/self.hpp"
#include "support/cases.hpp"
#include "support/step_outcome.hpp"

namespace tidemark {
namespace {

using namespace std::chrono_literals;
using support::run_one_step;
using support::StepOutcome;

config::Case unsharded(config::Case c) {
  c.parallel = {};
  return c;
}

template <class T>
class Invariance : public ::testing::Test {
 protected:
  const double bound_ = support::small_case_bound(dtype_of<T>);
  Invariance() { comm_.set_overlapping(true); }
  comm::MpiCommunicator comm_{MPI_COMM_WORLD, 60s};
  comm::SelfCommunicator alone_;
};
using Reals = ::testing::Types<bfloat16, float, double>;
TYPED_TEST_SUITE(Invariance, Reals);

TYPED_TEST(Invariance, EveryShardingAgreesWithOneRankAlone) {
  using T = TypeParam;
  for (const config::Case& c : support::variants(this->comm_.size(), dtype_of<T>)) {
    const StepOutcome<T> whole = run_one_step<T>(unsharded(c), this->alone_);
    const StepOutcome<T> part = run_one_step<T>(c, this->comm_);
    ASSERT_EQ(part.size(), support::tensors_of_step(c)) << support::describe(c);
    const support::WorstError error = support::worst_error(c, part, whole);
    EXPECT_LE(error.value, this->bound_) << support::describe(c) << ", " << error.name;
  }
}

// Random values are drawn by global index, so they must be equal to the bit.
TYPED_TEST(Invariance, RandomTensorsAreTheSameToTheBit) {
  using T = TypeParam;
  for (const config::Case& c : support::variants(this->comm_.size(), dtype_of<T>)) {
    const StepOutcome<T> whole = run_one_step<T>(unsharded(c), this->alone_);
    StepOutcome<T> random;
    for (const auto& [name, item] : run_one_step<T>(c, this->comm_)) {
      const bool is_drawn = name == "input" || (name == "output_grad" && !c.model.has_ends());
      const bool is_parameter = name.find('.') != std::string::npos && !name.ends_with(".grad");
      if (is_drawn || is_parameter) random[name] = item;
    }
    EXPECT_EQ(random.size(), support::parameters_of(c) + (c.model.has_ends() ? 0U : 2U));
    EXPECT_EQ(support::worst_error(c, random, whole).value, 0.0) << support::describe(c);
  }
}

// Ids that do not exist must neither contribute anything nor get a gradient.
TYPED_TEST(Invariance, PaddingOfTheVocabularyHasNoGradient) {
  using T = TypeParam;
  for (const config::Case& c : support::variants(this->comm_.size(), dtype_of<T>)) {
    if (!c.model.has_ends()) continue;
    const auto outcome = run_one_step<T>(c, this->comm_);
    const auto& gradient = outcome.at("embedding.weight.grad").tensor;
    const auto& placement = outcome.at("embedding.weight.grad").placement;
    double largest = 0.0;
    for (std::int64_t row = 0; row < gradient.rows; ++row) {
      for (std::int64_t column = 0; column < gradient.columns; ++column) {
        const double value =
            gradient.values[static_cast<std::size_t>(row * gradient.columns + column)];
        const bool is_padding = placement.front().place.first_row + row >= c.model.vocab_size;
        EXPECT_TRUE(!is_padding || value == 0.0) << value << ", " << support::describe(c);
        largest = std::max(largest, std::abs(value));
      }
    }
    EXPECT_GT(largest, 1e-3);
    EXPECT_EQ(gradient.rows * this->comm_.size(), c.padded_vocab_size());
  }
}

// Before any training, the loss is near that of a guess.
TYPED_TEST(Invariance, LossIsTheSameOnAllRanksAndNearTheLogarithmOfTheVocabulary) {
  using T = TypeParam;
  for (const bool sequence : {false, true}) {
    const config::Case c =
        support::with_ends(support::small_case(this->comm_.size(), sequence, dtype_of<T>));
    const double loss = run_one_step<T>(c, this->comm_).at("loss").tensor.values.front();
    EXPECT_NEAR(loss, std::log(29.0), 1.0);
    std::array<double, 2> ends{loss, -loss};
    this->comm_.max_over_ranks(ends);
    EXPECT_EQ(ends[0], -ends[1]);
  }
}

// If dropout or the seed had no effect, the agreement above would prove little.
TYPED_TEST(Invariance, SeedDropoutAndMaskAllDecideAboutTheOutput) {
  using T = TypeParam;
  const config::Case materialized =
      support::with_ends(support::small_case(this->comm_.size(), true, dtype_of<T>));
  for (const config::Case& reference : {materialized, support::blocked(materialized)}) {
    const StepOutcome<T> expected = run_one_step<T>(reference, this->comm_);
    config::Case seed = reference, mask = reference;
    seed.bench.seed += 1;
    mask.model.causal = false;
    for (const config::Case& c : {seed, support::with_dropouts(reference, 0.2, 0.1),
                                  support::with_dropouts(reference, 0.1, 0.2), mask}) {
      const StepOutcome<T> other = run_one_step<T>(c, this->comm_);
      for (const char* name : {"output", "embedding_grad", "layers.0.qkv.weight.grad", "loss"}) {
        const auto& tensor = other.at(name).tensor;
        const double error = bench::relative_error(tensor, expected.at(name).tensor,
                                                   kernels::GlobalPlace{0, 0, tensor.columns});
        EXPECT_GT(error, std::string(name) == "loss" ? 1e-5 : 1e-3)
            << name << ", " << support::describe(c);
      }
    }
  }
}

TYPED_TEST(Invariance, AStepRepeatsToTheBit) {
  using T = TypeParam;
  const config::Case c =
      support::with_ends(support::small_case(this->comm_.size(), true, dtype_of<T>));
  const StepOutcome<T> first = run_one_step<T>(c, this->comm_);
  for (const auto& [name, item] : run_one_step<T>(c, this->comm_)) {
    EXPECT_EQ(item.tensor.values, first.at(name).tensor.values) << name;
  }
}

}  // namespace
}  // namespace tidemark
