// SPDX-License-Identifier: BSD-3-Clause
// The sum of all ranks' contributions to one rank's shard.
#pragma once

#include "base/device.hpp"

namespace tidemark::kernels {

/// out = own + the other ranks' parts, added in rank order in Accumulate<T> and rounded once. own,
/// out [R, C] may be one matrix. arrived [(t - 1) R, C] is contiguous. It has the parts of ranks 0,
/// 1, ... without `rank`, one below the other.
template <class T>
void shard_sum(Device& device, int rank, const Matrix<T>& own, const Matrix<T>& arrived,
               const Matrix<T>& out);

}  // namespace tidemark::kernels
