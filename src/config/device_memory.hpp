// SPDX-License-Identifier: BSD-3-Clause
// Memory of devices and the library of their products, by the names of the devices.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/choices.hpp"

namespace tidemark::config {

/// A device that plans know, and the memory that its driver reports. The size in the product's name
/// is in units of 10^9 bytes and rounded. It may include memory that error correction takes.
struct KnownDevice {
  std::string_view name;  ///< "h100-80gb"
  std::int64_t bytes;
  Products products = Products::cublas;  ///< what a run on it takes for `products: auto`
};

/// All devices. The bytes are the totals that nvidia-smi and rocm-smi print. Sources:
/// github.com/modal-labs/modal-client pull request 2797 for A10 to H100; public logs of nvidia-smi
/// for H200 (143771 MiB) and B200 (183359 MiB); github.com/ROCm/ROCm issue 4750 for MI300X.
const std::vector<KnownDevice>& known_devices();

/// The device of this name. Throws InputError, which lists the known names, if there is none.
const KnownDevice& device_named(const std::string& name);

}  // namespace tidemark::config
