// SPDX-License-Identifier: BSD-3-Clause
#include "config/device_memory.hpp"

#include <fmt/format.h>

#include "base/error.hpp"
#include "config/message.hpp"

namespace tidemark::config {

namespace {

constexpr std::int64_t mib = std::int64_t{1} << 20;

}  // namespace

const std::vector<KnownDevice>& known_devices() {
  static const std::vector<KnownDevice> devices{
      {"t4-16gb", 15360 * mib},     {"l4-24gb", 23034 * mib},
      {"a10-24gb", 23028 * mib},    {"l40s-48gb", 46068 * mib},
      {"a100-40gb", 40960 * mib},   {"a100-80gb", 81920 * mib},
      {"h100-80gb", 81559 * mib},   {"h200-141gb", 143771 * mib},
      {"b200-180gb", 183359 * mib}, {"mi300x-192gb", 206141652992, Products::kokkos_kernels}};
  return devices;
}

const KnownDevice& device_named(const std::string& name) {
  std::string names;
  for (const KnownDevice& device : known_devices()) {
    if (device.name == name) return device;
    names += fmt::format("{}{}", names.empty() ? "" : ", ", device.name);
  }
  throw InputError(
      fmt::format("command line: --device: {} is unknown; expected one of {}; "
                  "--device-memory takes any size",
                  one_line(name), names));
}

}  // namespace tidemark::config
