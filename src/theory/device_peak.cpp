// SPDX-License-Identifier: BSD-3-Clause
#include "theory/device_peak.hpp"

#include <array>

namespace tidemark::theory {

namespace {

struct Row {
  int major, minor;
  double fp64, fp32, tf32, bf16;  ///< operations per clock and multiprocessor
};
constexpr std::array rows{
    Row{8, 0, 128.0, 128.0, 1024.0, 2048.0},  // A100 at 1410 MHz: 19.5, 19.5, 156, 312 TFLOP/s
    Row{9, 0, 256.0, 256.0, 2048.0, 4096.0},  // H100 SXM at 1830 MHz: 61.8, 61.8, 495, 989 TFLOP/s
};

double of_precision(const Row& row, const config::Case& c) {
  if (c.tensor_float) return row.tf32;
  if (c.precision == DType::bf16) return row.bf16;
  return c.precision == DType::fp64 ? row.fp64 : row.fp32;
}

}  // namespace

std::optional<double> device_peak_gflops(const DeviceClock& device, const config::Case& c) {
  for (const Row& row : rows) {
    if (row.major != device.major || row.minor != device.minor) continue;
    return device.multiprocessors * device.megahertz * 1e-3 * of_precision(row, c);
  }
  return std::nullopt;
}

}  // namespace tidemark::theory
