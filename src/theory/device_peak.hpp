// SPDX-License-Identifier: BSD-3-Clause
// The dense peak rate of NVIDIA devices, from published figures.
#pragma once

#include <optional>

#include "base/device_clock.hpp"
#include "config/case.hpp"

namespace tidemark::theory {

/// Dense GFLOP/s of matrix products in the precision of the case: multiprocessors x clock x
/// operations per clock. nullopt for devices and precisions without a row in the table.
///
/// Operations per clock and multiprocessor are those of the vendor's papers, without structured
/// sparsity, which doubles advertised figures: NVIDIA A100 Tensor Core GPU Architecture (2020),
/// table 1 and 3; NVIDIA H100 Tensor Core GPU Architecture (2022), table 1 and 3. Products of fp32
/// without TF32 run on the ordinary units. Products of fp64 run on tensor cores.
[[nodiscard]] std::optional<double> device_peak_gflops(const DeviceClock& device,
                                                       const config::Case& c);

}  // namespace tidemark::theory
