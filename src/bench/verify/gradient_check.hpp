// The backward pass held against the forward pass alone.
#pragma once

#include <vector>

#include "bench/verify/verification.hpp"

namespace tidemark::bench {

/// On the case's twin, unsharded and in fp64, each rank alone: the change of <output, R> along a
/// direction v, by central differences of the forward pass, against <gradient, v> of the backward
/// pass. v is a direction of the input, or with ends of the embedding's table, and then one of all
/// parameters together. With ends it is the loss that changes. Relative errors; they hold up to
/// 1e-6, which the rounding of the differences needs. Collective.
std::vector<Check> check_gradients(const config::Case& c, Device& device,
                                   comm::Communicator& communicator);

}  // namespace tidemark::bench
