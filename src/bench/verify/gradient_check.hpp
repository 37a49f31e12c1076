// SPDX-License-Identifier: BSD-3-Clause
// Checks the backward pass against the forward pass.
#pragma once

#include <vector>

#include "bench/verify/verification.hpp"

namespace tidemark::bench {

/// Each rank alone runs the case's twin, unsharded and in fp64. It compares <gradient, v> of the
/// backward pass with the change of <output, R> along a direction v. That change comes from central
/// differences of the forward pass. v is first a direction of the input, or with ends of the
/// embedding's table, and then one of all parameters together. With ends the loss replaces <output,
/// R>. The values are relative errors. Their bound of 1e-6 allows for the rounding of the
/// differences. Collective.
std::vector<Check> check_gradients(const config::Case& c, Device& device,
                                   comm::Communicator& communicator);

}  // namespace tidemark::bench
