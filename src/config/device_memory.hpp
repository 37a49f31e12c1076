// SPDX-License-Identifier: BSD-3-Clause
// Memory of devices by their names.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tidemark::config {

/// A device that plans know, and the memory that its driver reports. The product's name counts
/// 10^9 bytes, is rounded, and may count what error correction takes.
struct KnownDevice {
  std::string_view name;  ///< "h100-80gb"
  std::int64_t bytes;
};

/// All of them. Totals are those that nvidia-smi and rocm-smi print:
/// github.com/modal-labs/modal-client pull request 2797 for A10 to H100; public logs of nvidia-smi
/// for H200 (143771 MiB) and B200 (183359 MiB); github.com/ROCm/ROCm issue 4750 for MI300X.
const std::vector<KnownDevice>& known_devices();

/// The bytes of a device. Throws InputError that lists the names for one that is unknown.
std::int64_t memory_of_device(const std::string& name);

}  // namespace tidemark::config
