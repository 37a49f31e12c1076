// SPDX-License-Identifier: BSD-3-Clause
// What the double of NCCL has recorded.
#pragma once

namespace tidemark::doubles {

/// The number of calls of this rank that have been accepted. A group counts as one.
int launched_calls();

}  // namespace tidemark::doubles
