// A stack computes the same, with dropout on, however many ranks share it.
#include <gtest/gtest.h>

#include <cmath>

#include "comm/mpi.hpp"
#include "comm/self.hpp"
#include "support/cases.hpp"
#include "support/step_outcome.hpp"

namespace tidemark {
namespace {

using namespace std::chrono_literals;
using support::run_one_step;
using support::StepOutcome;

template <class T>
double worst_error(const StepOutcome<T>& part, const StepOutcome<T>& whole) {
  double worst = 0.0;
  for (const auto& [name, item] : part) {
    const double error = bench::relative_error(item.tensor, whole.at(name).tensor, item.place);
    EXPECT_TRUE(std::isfinite(error)) << name;
    worst = std::max(worst, error);
  }
  return worst;
}

template <class T>
class Invariance : public ::testing::Test {
 protected:
  comm::MpiCommunicator comm_{MPI_COMM_WORLD, 60s};
  comm::SelfCommunicator alone_;
};
using Reals = ::testing::Types<float, double>;
TYPED_TEST_SUITE(Invariance, Reals);

TYPED_TEST(Invariance, EveryShardingAgreesWithOneRankAlone) {
  using T = TypeParam;
  for (const config::Case& c : support::variants(this->comm_.size(), dtype_of<T>)) {
    config::Case single = c;
    single.parallel = {};
    const StepOutcome<T> whole = run_one_step<T>(single, this->alone_);
    const StepOutcome<T> part = run_one_step<T>(c, this->comm_);
    ASSERT_EQ(part.size(), 4U + 2U * 12U * static_cast<std::size_t>(c.model.num_layers));
    EXPECT_LE(worst_error(part, whole), sizeof(T) == 8 ? 1e-12 : 1e-5)
        << "SP " << c.parallel.sequence << ", keep " << c.parallel.keep_gathered << ", ffn "
        << c.model.ffn_hidden_size << ", dropouts " << c.model.hidden_dropout << " and "
        << c.model.attention_dropout;
  }
}

// The bits: what is random is drawn by global index, so not even a rounding error may differ.
TYPED_TEST(Invariance, RandomTensorsAreTheSameToTheBit) {
  using T = TypeParam;
  for (const config::Case& c : support::variants(this->comm_.size(), dtype_of<T>)) {
    config::Case single = c;
    single.parallel = {};
    const StepOutcome<T> whole = run_one_step<T>(single, this->alone_);
    for (const auto& [name, item] : run_one_step<T>(c, this->comm_)) {
      const bool is_random = name == "input" || name == "output_grad" ||
                             (name.rfind("layers.", 0) == 0 && !name.ends_with(".grad"));
      if (is_random) {
        EXPECT_EQ(bench::relative_error(item.tensor, whole.at(name).tensor, item.place), 0.0)
            << name;
      }
    }
  }
}

// Were dropout or the seed without effect, the agreement above would prove little.
TYPED_TEST(Invariance, SeedDropoutAndMaskAllDecideAboutTheOutput) {
  using T = TypeParam;
  const config::Case reference = support::small_case(this->comm_.size(), true, dtype_of<T>);
  const StepOutcome<T> expected = run_one_step<T>(reference, this->comm_);
  config::Case seed = reference, hidden = reference, attention = reference, mask = reference;
  seed.bench.seed += 1;
  hidden.model.hidden_dropout = 0.2;
  attention.model.attention_dropout = 0.2;
  mask.model.causal = false;
  for (const config::Case& c : {seed, hidden, attention, mask}) {
    const StepOutcome<T> other = run_one_step<T>(c, this->comm_);
    for (const char* name : {"output", "input_grad", "layers.0.qkv.weight.grad"}) {
      const bench::HostTensor<T>& tensor = other.at(name).tensor;
      EXPECT_GT(bench::relative_error(tensor, expected.at(name).tensor, {0, 0, tensor.columns}),
                1e-3)
          << name;
    }
  }
}

TYPED_TEST(Invariance, AStepRepeatsToTheBit) {
  using T = TypeParam;
  const config::Case c = support::small_case(this->comm_.size(), true, dtype_of<T>);
  const StepOutcome<T> first = run_one_step<T>(c, this->comm_);
  for (const auto& [name, item] : run_one_step<T>(c, this->comm_)) {
    EXPECT_EQ(item.tensor.values, first.at(name).tensor.values) << name;
  }
}

}  // namespace
}  // namespace tidemark
