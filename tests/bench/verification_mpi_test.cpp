// The run's own checks: green for a right computation at any sharding, red for every planted fault.
#include "bench/verification.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "comm/mpi.hpp"
#include "support/cases.hpp"
#include "support/faulty_communicator.hpp"

namespace tidemark::bench {
namespace {

using namespace std::chrono_literals;
using support::Fault;
using support::FaultyCommunicator;

class Checks : public ::testing::Test {
 protected:
  bool twin_passes(const config::Case& c, comm::Communicator& communicator) {
    Verification verification{check_twin(c, device_, communicator)};
    return verification.passed();
  }

  template <class T>
  bool full_case_passes(const config::Case& c, comm::Communicator& communicator) {
    memory::Pool pool;
    memory::Ledger ledger(pool);
    model::Stack<T> stack(c, device_, ledger, communicator);
    Verification verification{check_full_case(stack)};
    return verification.passed();
  }

  Device device_;
  comm::MpiCommunicator comm_{MPI_COMM_WORLD, 60s};
};

TEST_F(Checks, TwinAgreesUnderEveryShardingAndPrecision) {
  for (const DType precision : {DType::fp64, DType::fp32}) {
    for (const config::Case& c : support::variants(comm_.size(), precision)) {
      for (const Check& check : check_twin(c, device_, comm_)) {
        EXPECT_TRUE(check.passed()) << check.name << " " << check.value << " " << check.where;
        EXPECT_EQ(check.bound, precision == DType::fp64 ? 1e-12 : 1e-5);
      }
    }
  }
}

TEST_F(Checks, TwinComparesEveryKindOfTensor) {
  const auto checks = check_twin(support::small_case(comm_.size(), true), device_, comm_);
  for (const char* name : {"twin_output", "twin_input_gradient", "twin_parameter_gradients"}) {
    EXPECT_TRUE(std::any_of(checks.begin(), checks.end(), [&](const Check& check) {
      return check.name == name;
    })) << name;
  }
}

TEST_F(Checks, FullCaseIsFiniteAndReplicasAgree) {
  for (const config::Case& c : support::variants(comm_.size(), DType::fp64)) {
    EXPECT_TRUE(full_case_passes<double>(c, comm_));
  }
}

// Every collective of a step, every way to go wrong, each rank in turn the victim.
TEST_F(Checks, EverySpoiledCollectiveTurnsTheTwinRed) {
  if (comm_.size() == 1) {
    return;  // one rank exchanges nothing that could be spoiled
  }
  for (const DType precision : {DType::fp64, DType::fp32}) {
    for (const int mode : {0, 1, 2}) {
      config::Case c = support::small_case(comm_.size(), mode > 0, precision);
      c.parallel.keep_gathered = mode == 2;
      FaultyCommunicator clean(comm_, Fault::none, 0);
      EXPECT_TRUE(twin_passes(c, clean));
      // Two layers; under SP one more call, for the replicated parameters' gradients.
      ASSERT_EQ(clean.calls(), mode == 0 ? 8 : mode == 1 ? 21 : 17);
      for (int call = 0; call < clean.calls(); ++call) {
        for (const Fault fault : {Fault::perturb, Fault::not_a_number, Fault::no_exchange}) {
          FaultyCommunicator faulty(comm_, fault, call, call % comm_.size());
          EXPECT_FALSE(twin_passes(c, faulty)) << "collective " << call << ", fault "
                                               << static_cast<int>(fault) << ", mode " << mode;
        }
      }
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
  for (const bool sequence : {false, true}) {
    const config::Case c = support::small_case(comm_.size(), sequence);
    for (int call = 0; call < (sequence ? 21 : 8); ++call) {
      FaultyCommunicator nan(comm_, Fault::not_a_number, call, call % comm_.size());
      EXPECT_FALSE(full_case_passes<double>(c, nan))
          << "collective " << call << ", SP " << sequence;
    }
  }
}

// Everything stays finite, but what should be replicated no longer agrees.
TEST_F(Checks, FullCaseSeesReplicasThatDiffer) {
  if (comm_.size() == 1) {
    return;
  }
  for (const Fault fault : {Fault::perturb, Fault::no_exchange}) {
    const config::Case tp = support::small_case(comm_.size(), false);
    for (int call = 0; call < 8; ++call) {
      FaultyCommunicator faulty(comm_, fault, call);
      EXPECT_FALSE(full_case_passes<double>(tp, faulty)) << "collective " << call;
    }
    FaultyCommunicator last(comm_, fault, 20);
    EXPECT_FALSE(full_case_passes<double>(support::small_case(comm_.size(), true), last));
  }
}

}  // namespace
}  // namespace tidemark::bench
