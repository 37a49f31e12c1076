// The backward pass held against the forward pass alone.
#pragma once

#include "bench/verification.hpp"

namespace tidemark::bench {

/// On the case's twin, unsharded and in fp64, each rank alone: the change of <output, R> along a
/// random direction v of the input, by central differences of the forward pass, against
/// <input gradient, v> of the backward pass. With ends it is the change of the loss along a
/// direction of the embedding's table. Relative error; holds up to 1e-6, which the rounding of the
/// differences needs. Collective.
Check check_gradient(const config::Case& c, Device& device, comm::Communicator& communicator);

}  // namespace tidemark::bench
