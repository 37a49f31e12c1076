// SPDX-License-Identifier: BSD-3-Clause
// The run's own checks: they pass for a right computation at any sharding, and fail for every
// planted fault.
#include <array>
#include <chrono>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "bench/verify/checked_step.hpp"
#include "bench/verify/verification.hpp"
#include "comm/mpi/mpi_communicator.hpp"
#include "support/cases.hpp"
#include "support/faulty_communicator.hpp"
#include "support/sharding.hpp"

namespace tidemark::bench {
namespace {

using namespace std::chrono_literals;
using support::Fault;
using support::FaultyCommunicator;

constexpr std::array precisions{DType::fp64, DType::fp32, DType::bf16};

class Checks : public ::testing::Test {
 protected:
  bool twin_passes(const config::Case& c, comm::Communicator& communicator) {
    Verification verification{check_twin(c, device_, communicator)};
    return verification.passed();
  }

  bool full_case_passes(const config::Case& c, comm::Communicator& communicator) {
    return with_scalar_of(c.precision, [&](auto scalar) {
      memory::Pool pool;
      memory::Ledger ledger(pool);
      model::Stack<decltype(scalar)> stack(c, device_, ledger, communicator);
      Verification verification{run_checked_step(stack).checks};
      return verification.passed();
    });
  }
  int collectives_of_twin(const config::Case& c) {
    FaultyCommunicator clean(comm_, Fault::none, 0);
    EXPECT_TRUE(twin_passes(c, clean)) << support::describe(c);
    return clean.calls();
  }
  /// Tries every fault, with each rank in turn as the victim. `unused`: collectives on whose result
  /// nothing depends.
  void expect_every_fault_to_show(const config::Case& c, const std::set<int>& unused = {}) {
    const int calls = collectives_of_twin(c);
    const double shift = c.precision == DType::bf16 ? 4.0 : 0.25;  // bf16 rounds more
    for (int call = 0; call < calls; ++call) {
      for (const Fault fault : {Fault::perturb, Fault::not_a_number, Fault::no_exchange}) {
        FaultyCommunicator faulty(comm_, fault, call, call % comm_.size(), shift);
        EXPECT_EQ(twin_passes(c, faulty), unused.contains(call))
            << "collective " << call << ", fault " << static_cast<int>(fault) << ", "
            << support::describe(c);
      }
    }
  }

  Device device_;
  comm::MpiCommunicator comm_{MPI_COMM_WORLD, 60s};
};

TEST_F(Checks, TwinAgreesUnderEveryShardingAndPrecision) {
  for (const DType precision : precisions) {
    for (const config::Case& c : support::variants(comm_.size(), precision)) {
      for (const Check& check : check_twin(c, device_, comm_)) {
        EXPECT_TRUE(check.passed()) << check.name << " " << check.value << " " << check.where
                                    << ", " << support::describe(c);
        EXPECT_EQ(check.bound,
                  check.name == "twin_against_fp64" ? tolerance_against_fp64(c) : tolerance_of(c));
      }
    }
  }
}

// The size of rounding errors varies by chance, most of all in bf16.
TEST_F(Checks, TwinLeavesRoomBelowTheBoundsForEverySeed) {
  for (const DType precision : precisions) {
    config::Case c = support::small_case(comm_.size(), false, precision);
    for (c.bench.seed = 1; c.bench.seed <= 8; ++c.bench.seed) {
      config::Case llama =
          support::with_ends(support::small_llama(comm_.size(), false, precision, 2));
      llama.bench.seed = c.bench.seed;
      for (const config::Case& other :
           {support::with_dropouts(c, 0.5, 0.5), support::with_ends(c),
            support::with_ends(support::blocked(c)), llama, support::blocked(llama)}) {
        for (const Check& check : check_twin(other, device_, comm_)) {
          const double room = precision == DType::bf16 ? 0.9 : 0.5;
          EXPECT_LT(check.value, room * check.bound) << check.name << ", " << check.where;
        }
      }
    }
  }
}

TEST_F(Checks, TwinComparesEveryKindOfTensor) {
  const auto names_of = [&](const config::Case& c) {
    std::set<std::string> names;
    for (const Check& check : check_twin(c, device_, comm_)) names.insert(check.name);
    return names;
  };
  const config::Case c = support::small_case(comm_.size(), true);
  EXPECT_EQ(names_of(c),
            (std::set<std::string>{"twin_output", "twin_input_gradient", "twin_parameter_gradients",
                                   "twin_random_tensors", "twin_against_fp64"}));
  EXPECT_EQ(names_of(support::with_ends(c)),
            (std::set<std::string>{"twin_output", "twin_loss", "twin_embedding",
                                   "twin_parameter_gradients", "twin_against_fp64"}));
}

// On one rank the twin recomputes, and its counterpart does not. So even one rank tests
// recomputation.
TEST_F(Checks, TwinOfOneRankComparesRecomputationToTheBit) {
  if (comm_.size() > 1) {
    return;
  }
  for (const char* const recompute : {"selective", "full"}) {
    for (const DType precision : precisions) {
      const config::Case c =
          support::recomputing(support::small_case(1, false, precision), recompute);
      for (const Check& check : check_twin(c, device_, comm_)) {
        if (check.name == "twin_against_fp64") continue;
        EXPECT_EQ(check.value, 0.0);
      }
    }
  }
}

TEST_F(Checks, FullCaseIsFiniteAndReplicasAgree) {
  for (const DType precision : precisions) {
    for (const config::Case& c : support::variants(comm_.size(), precision)) {
      EXPECT_TRUE(full_case_passes(c, comm_)) << support::describe(c);
    }
  }
}

// Covers every collective of a step. One rank exchanges nothing that could be spoiled.
TEST_F(Checks, EverySpoiledCollectiveTurnsTheTwinRed) {
  if (comm_.size() == 1) {
    return;
  }
  for (const DType precision : precisions) {
    for (const support::Sharding sharding : support::all_shardings) {
      config::Case c = support::small_case(comm_.size(), is_sequence(sharding), precision);
      c.parallel.keep_gathered = keeps_gathered(sharding);
      // SP has one more call, for the gradients of the replicated parameters.
      const int layers = precision == DType::bf16 ? 1 : 2;
      EXPECT_EQ(collectives_of_twin(c), !is_sequence(sharding)                    ? 4 * layers
                                        : sharding == support::Sharding::sequence ? 10 * layers + 1
                                                                                  : 8 * layers + 1);
      expect_every_fault_to_show(c);
    }
  }
}

TEST_F(Checks, EverySpoiledCollectiveShowsInEveryMode) {
  if (comm_.size() == 1) {
    return;
  }
  for (const bool sequence : {false, true}) {
    const config::Case c = support::small_case(comm_.size(), sequence, DType::fp32);
    // The forward pass of two layers runs again. The output at its end is not used.
    const config::Case full = support::recomputing(c, "full");
    EXPECT_EQ(collectives_of_twin(full), sequence ? 21 + 8 : 8 + 4);
    expect_every_fault_to_show(full, sequence ? std::set<int>{11, 21} : std::set<int>{5, 9});
    // Two calls each for embedding and output projection, one for the loss, and under SP one more
    // all-gather.
    for (const config::Case& ends :
         {support::with_ends(c), support::with_ends(support::blocked(
                                     support::small_case(comm_.size(), sequence, DType::bf16)))}) {
      const int layers = ends.precision == DType::bf16 ? 1 : 2;
      EXPECT_EQ(collectives_of_twin(ends), sequence ? 10 * layers + 1 + 6 : 4 * layers + 3);
      expect_every_fault_to_show(ends);
    }
  }
}

TEST_F(Checks, EverySpoiledCollectiveShowsInTheLlamaFamily) {
  if (comm_.size() == 1) {
    return;
  }
  for (const bool sequence : {false, true}) {
    for (const std::int64_t groups : {8, 1}) {
      const config::Case c = support::small_llama(comm_.size(), sequence, DType::fp32, groups);
      // With one group, every rank exchanges its part with every other rank, in each of two layers.
      const int exchanges = groups == 1 ? 2 * (comm_.size() - 1) : 0;
      EXPECT_EQ(collectives_of_twin(c), (sequence ? 21 : 8) + exchanges);
      expect_every_fault_to_show(c);
      // This case has a separate output projection. It has the same calls as a shared one.
      const config::Case ends = support::with_ends(c);
      EXPECT_EQ(collectives_of_twin(ends), (sequence ? 21 + 6 : 8 + 3) + exchanges);
      expect_every_fault_to_show(ends);
    }
  }
}

TEST_F(Checks, AllRanksReachTheSameVerdictAndNameTheSameTensor) {
  FaultyCommunicator faulty(comm_, Fault::perturb, 3);
  std::string own;
  for (const Check& check : check_twin(support::small_case(comm_.size(), true), device_, faulty)) {
    own += check.name + ' ' + std::to_string(check.value) + ' ' + check.where + '\n';
  }
  for (const std::string& other : comm_.gather_bytes(own)) {
    EXPECT_EQ(other, own);
  }
}

TEST_F(Checks, FullCaseSeesNotANumberInAnyCollective) {
  if (comm_.size() == 1) {
    return;
  }
  for (const DType precision : {DType::fp64, DType::bf16}) {
    for (const bool sequence : {false, true}) {
      const config::Case c = support::small_case(comm_.size(), sequence, precision);
      for (const config::Case& ends : {c, support::with_ends(support::blocked(c))}) {
        const int calls = (sequence ? 21 : 8) + (!ends.model.has_ends() ? 0 : sequence ? 6 : 3);
        for (int call = 0; call < calls; ++call) {
          FaultyCommunicator nan(comm_, Fault::not_a_number, call, call % comm_.size());
          EXPECT_FALSE(full_case_passes(ends, nan))
              << "collective " << call << ", " << support::describe(ends);
        }
      }
    }
  }
}

// All values stay finite and may be equal on all ranks, so only the check of the call itself shows
// the fault.
TEST_F(Checks, FullCaseSeesEverySpoiledCollective) {
  if (comm_.size() == 1) {
    return;
  }
  for (const Fault fault : {Fault::perturb, Fault::no_exchange}) {
    for (const bool sequence : {false, true}) {
      // All ranks hold the keys and values of one group, and exchange their gradients at the end.
      const config::Case shared = support::small_llama(comm_.size(), sequence, DType::fp64, 1);
      const config::Case plain = support::small_case(comm_.size(), sequence, DType::fp32);
      for (const config::Case& c : {shared, plain, support::with_ends(plain)}) {
        FaultyCommunicator clean(comm_, Fault::none, 0);
        EXPECT_TRUE(full_case_passes(c, clean));
        for (int call = 0; call < clean.calls(); ++call) {
          FaultyCommunicator faulty(comm_, fault, call);
          EXPECT_FALSE(full_case_passes(c, faulty))
              << "collective " << call << ", " << support::describe(c);
        }
      }
    }
  }
}

}  // namespace
}  // namespace tidemark::bench
