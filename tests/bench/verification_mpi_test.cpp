// The run's own checks: green for a right computation at any sharding, red for every planted fault.
#include "bench/verification.hpp"

#include <gtest/gtest.h>

#include <algorithm>

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
    EXPECT_TRUE(std::any_of(checks.begin(), checks.end(),
                            [&](const Check& check) { return check.name == name; }))
        << name;
  }
}

TEST_F(Checks, FullCaseIsFiniteAndReplicasAgree) {
  for (const config::Case& c : support::variants(comm_.size(), DType::fp64)) {
    EXPECT_TRUE(full_case_passes<double>(c, comm_));
  }
}

TEST_F(Checks, EverySpoiledCollectiveTurnsTheTwinRed) {
  if (comm_.size() == 1) {
    return;  // one rank exchanges nothing that could be spoiled
  }
  for (const bool sequence : {false, true}) {
    const config::Case c = support::small_case(comm_.size(), sequence);
    FaultyCommunicator clean(comm_, Fault::none, 0);
    EXPECT_TRUE(twin_passes(c, clean));
    ASSERT_GE(clean.calls(), 8);  // two layers of four
    for (int call = 0; call < clean.calls(); ++call) {
      for (const Fault fault : {Fault::perturb, Fault::not_a_number}) {
        FaultyCommunicator faulty(comm_, fault, call);
        EXPECT_FALSE(twin_passes(c, faulty)) << "collective " << call << ", SP " << sequence;
      }
    }
  }
}

TEST_F(Checks, ForgottenReductionTurnsTheTwinRed) {
  if (comm_.size() == 1) {
    return;
  }
  FaultyCommunicator faulty(comm_, Fault::no_reduction, 2);
  EXPECT_FALSE(twin_passes(support::small_case(comm_.size(), false), faulty));
}

TEST_F(Checks, FullCaseSeesNotANumberAndReplicasThatDiffer) {
  if (comm_.size() == 1) {
    return;
  }
  FaultyCommunicator nan(comm_, Fault::not_a_number, 1);
  EXPECT_FALSE(full_case_passes<double>(support::small_case(comm_.size(), true), nan));
  // A perturbed sum on one rank leaves everything finite, but the ranks' outputs no longer agree.
  FaultyCommunicator perturbed(comm_, Fault::perturb, 1);
  EXPECT_FALSE(full_case_passes<double>(support::small_case(comm_.size(), false), perturbed));
}

}  // namespace
}  // namespace tidemark::bench
