// SPDX-License-Identifier: BSD-3-Clause
// What the double of NCCL has seen.
#pragma once

namespace tidemark::doubles {

/// Calls of this rank that have been accepted, groups of them being one.
int launched_calls();

}  // namespace tidemark::doubles
