// SPDX-License-Identifier: BSD-3-Clause
// The checks that a run must pass before it may publish a number.
#pragma once

#include <string>
#include <vector>

#include "config/case.hpp"
#include "model/stack.hpp"

namespace tidemark::bench {

/// One check. It passes if `value` is not above `bound`. Equal on all ranks.
struct Check {
  std::string name;
  double value = 0.0;
  double bound = 0.0;
  std::string where;  ///< the tensor or count with the worst value; may be empty
  [[nodiscard]] bool passed() const { return value <= bound; }  // false for NaN
};

/// All checks of a case. Without verification there are none, and the case is never valid.
struct Verification {
  std::vector<Check> checks;
  [[nodiscard]] bool performed() const { return !checks.empty(); }
  [[nodiscard]] bool passed() const;
};

/// Appends `more` to `checks`.
void append(std::vector<Check>& checks, std::vector<Check> more);

/// The same check on all ranks: the worst value over all ranks, and where it is. Collective.
Check worst_over_ranks(Check check, comm::Communicator& communicator);

/// Bound of the relative error (max norm) between a sharded and an unsharded computation: 1e-12 in
/// fp64, 1e-5 in fp32, 2e-2 in bf16, 5e-3 in TF32.
double tolerance_of(const config::Case& c);

/// The same between the case's precision and fp64, whose inputs and weights are not rounded: 1e-12
/// in fp64, 1e-5 in fp32, 5e-2 in bf16, 2e-2 in TF32.
double tolerance_against_fp64(const config::Case& c);

/// A case with the family, precision, dropout, mask and sharding of `c`. It is so small that every
/// rank can also compute it alone.
config::Case twin_of(const config::Case& c);

/// Computes the twin on all ranks together. Each rank also computes it alone, in the case's
/// precision and in fp64, without recomputation. Then each rank compares its own shard of the
/// output, the input gradient and every parameter gradient. With one rank, the first comparison is
/// a computation with itself; see also check_gradients.
///
/// The twin runs on the case's schedule, so `c` must have the overlap mode that was chosen. It runs
/// once with each algorithm that the communicator has chosen for the full case's calls. Collective.
std::vector<Check> check_twin(const config::Case& c, Device& device,
                              comm::Communicator& communicator);

}  // namespace tidemark::bench
