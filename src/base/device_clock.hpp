// SPDX-License-Identifier: BSD-3-Clause
// What a CUDA device says of itself that decides about its peak rate.
#pragma once

namespace tidemark {

struct DeviceClock {
  int major = 0, minor = 0;  ///< compute capability
  int multiprocessors = 0;
  double megahertz = 0.0;  ///< highest clock of the multiprocessors
};

}  // namespace tidemark
