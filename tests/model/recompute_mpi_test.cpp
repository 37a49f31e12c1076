// SPDX-License-Identifier: BSD-3-Clause
// Recomputation changes what is kept, but nothing that is computed. Blocks of attention change only
// the order of sums.
#include <chrono>
#include <cstring>

#include <gtest/gtest.h>

#include "bench/verify/verification.hpp"
#include "comm/mpi/mpi_communicator.hpp"
#include "support/cases.hpp"
#include "support/sharding.hpp"
#include "support/step_outcome.hpp"

namespace tidemark {
namespace {

using namespace std::chrono_literals;
using support::run_one_step;
using support::StepOutcome;

template <class F>
bool same_bits(const std::vector<F>& one, const std::vector<F>& other) {
  return one.size() == other.size() &&
         std::memcmp(one.data(), other.data(), one.size() * sizeof(F)) == 0;
}

template <class T>
class Recompute : public ::testing::Test {
 protected:
  /// The small case in every sharding, with and without dropout, ends and causal mask.
  std::vector<config::Case> cases() {
    std::vector<config::Case> cases;
    for (const support::Sharding sharding : support::all_shardings) {
      config::Case c = support::small_case(comm_.size(), is_sequence(sharding), dtype_of<T>);
      c.parallel.keep_gathered = keeps_gathered(sharding);
      cases.push_back(c);
      cases.push_back(support::with_ends(support::with_dropouts(c, 0.1, 0.0)));
      cases.push_back(support::other_sizes(support::with_dropouts(c, 0.0, 0.3)));
      cases.push_back(support::with_ends(support::with_dropouts(c, 0.0, 0.0)));
      for (const std::int64_t groups : {4, 2}) {
        cases.push_back(support::with_ends(
            support::small_llama(comm_.size(), is_sequence(sharding), dtype_of<T>, groups)));
        cases.back().parallel.keep_gathered = keeps_gathered(sharding);
      }
    }
    return cases;
  }
  void expect_same_bits(const config::Case& c, const config::Case& reference) {
    const StepOutcome<T> expected = run_one_step<T>(reference, comm_);
    const StepOutcome<T> actual = run_one_step<T>(c, comm_);
    ASSERT_EQ(actual.size(), expected.size());
    for (const auto& [name, item] : actual) {
      EXPECT_TRUE(same_bits(item.tensor.values, expected.at(name).tensor.values))
          << name << ", " << support::describe(c);
    }
  }

  comm::MpiCommunicator comm_{MPI_COMM_WORLD, 60s};
};
using Reals = ::testing::Types<bfloat16, float, double>;
TYPED_TEST_SUITE(Recompute, Reals);

TYPED_TEST(Recompute, OfTheAttentionCoreLeavesEveryBit) {
  for (const config::Case& c : this->cases()) {
    this->expect_same_bits(support::recomputing(c, "selective"), c);
  }
}

TYPED_TEST(Recompute, OfWholeLayersLeavesEveryBit) {
  for (const config::Case& c : this->cases()) {
    if (c.parallel.keep_gathered) continue;  // contradicts full recomputation
    this->expect_same_bits(support::recomputing(c, "full"), c);
    this->expect_same_bits(support::recomputing(support::blocked(c), "full"), support::blocked(c));
  }
}

TYPED_TEST(Recompute, BlockedAttentionAgreesWithMaterialized) {
  using T = TypeParam;
  const double bound = support::small_case_bound(dtype_of<T>);
  for (const config::Case& c : this->cases()) {
    const StepOutcome<T> expected = run_one_step<T>(c, this->comm_);
    // Ragged blocks, blocks of one, blocks that divide s, a single block, and one beyond s.
    for (const std::int64_t block : {5, 1, 4, 12, 512}) {
      config::Case other = support::blocked(c);
      other.model.attention_block = block;
      const StepOutcome<T> actual = run_one_step<T>(other, this->comm_);
      ASSERT_EQ(actual.size(), expected.size());
      for (const auto& [name, item] : actual) {
        const double error = bench::relative_error(item.tensor, expected.at(name).tensor,
                                                   kernels::GlobalPlace{0, 0, item.tensor.columns});
        EXPECT_LE(error, bound) << name << ", block " << block << ", " << support::describe(other);
      }
    }
  }
}

}  // namespace
}  // namespace tidemark
