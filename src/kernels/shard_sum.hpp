// The sum of what the ranks contributed to one rank's shard.
#pragma once

#include "base/device.hpp"

namespace tidemark::kernels {

/// out = own + what the other ranks sent, added in the order of the ranks in Accumulate<T> and
/// rounded once. own, out [R, C], may be one; arrived [(t - 1) R, C], contiguous: the parts of the
/// ranks 0, 1, ... without `rank`, one below the other.
template <class T>
void shard_sum(Device& device, int rank, const Matrix<T>& own, const Matrix<T>& arrived,
               const Matrix<T>& out);

}  // namespace tidemark::kernels
