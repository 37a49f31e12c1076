// What a run checks of itself before it may publish a number.
#pragma once

#include <string>
#include <vector>

#include "config/case.hpp"
#include "model/stack.hpp"

namespace tidemark::bench {

/// One check: it holds when `value` is not above `bound`. The same on all ranks.
struct Check {
  std::string name;
  double value = 0.0;
  double bound = 0.0;
  std::string where;  ///< the tensor, or the count, with the worst value; may be empty
  [[nodiscard]] bool passed() const { return value <= bound; }  // false for NaN
};

/// All checks of a case. A case that did not ask for verification has none and is never valid.
struct Verification {
  std::vector<Check> checks;
  [[nodiscard]] bool performed() const { return !checks.empty(); }
  [[nodiscard]] bool passed() const;
};

/// The same check on all ranks: the worst value of any rank, and where it is. Collective.
Check worst_over_ranks(Check check, comm::Communicator& communicator);

/// Largest relative error (max norm) between a sharded and an unsharded computation:
/// 1e-12 in fp64, 1e-5 in fp32, 2e-2 in bf16.
double tolerance_of(const config::Case& c);

/// The same between a computation in the case's precision and one in fp64, whose inputs and weights
/// are not rounded: 1e-12 in fp64, 1e-5 in fp32, 5e-2 in bf16, 2e-2 in TF32.
double tolerance_against_fp64(const config::Case& c);

/// A case of the same family, precision, dropout, mask and sharding as `c`, but small enough that
/// every rank can also compute it alone.
config::Case twin_of(const config::Case& c);

/// Computes the twin on all ranks together, and on each rank alone both in the case's precision and
/// in fp64, and compares output, input gradient and every parameter's gradient, each rank its own
/// shard. With one rank the first comparison is of a computation with itself: see also
/// check_gradients. What is computed alone recomputes nothing.
///
/// The twin runs on the case's schedule, once with each algorithm that the communicator has chosen
/// for the full case's calls: `c` has the overlap mode that was chosen. Collective.
std::vector<Check> check_twin(const config::Case& c, Device& device,
                              comm::Communicator& communicator);

}  // namespace tidemark::bench
