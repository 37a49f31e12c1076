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

/// A case of the same family, precision, dropout, mask and sharding as `c`, but small enough that
/// every rank can also compute it alone.
config::Case twin_of(const config::Case& c);

/// Computes the twin on all ranks together and on each rank alone, and compares output, input
/// gradient and every parameter's gradient, each rank its own shard. With one rank that compares a
/// computation with itself and proves nothing: see check_gradient. What is computed alone
/// recomputes nothing. Collective.
std::vector<Check> check_twin(const config::Case& c, Device& device,
                              comm::Communicator& communicator);

/// Runs one more step of the full case: output and gradients must be finite, and what is replicated
/// must be the same to the bit on all ranks. Collective. `T` is the stack's element type.
template <class T>
std::vector<Check> check_full_case(model::Stack<T>& stack);

}  // namespace tidemark::bench
