// SPDX-License-Identifier: BSD-3-Clause
#include "bench/case/process_growth.hpp"

#include <cmath>

#include <fmt/format.h>

#include "base/device.hpp"
#include "memory/process.hpp"

namespace tidemark::bench {

ProcessGrowth::ProcessGrowth() {
  if (!runs_on_host) return;
  memory::reset_process_peak();
  before_ = memory::process_bytes();
}

void ProcessGrowth::begin() { is_mark_new_ = runs_on_host && memory::reset_process_peak(); }

void ProcessGrowth::end() {
  if (is_mark_new_) peak_ = memory::process_peak_bytes();
}

std::optional<std::int64_t> ProcessGrowth::bytes() const {
  if (!before_ || !peak_) return std::nullopt;
  return *peak_ - *before_;
}

Check check_process_growth(std::int64_t growth, std::int64_t accounts) {
  constexpr double share = 0.05;
  constexpr double libraries = 150.0 * (1 << 20);
  constexpr double mib = 1 << 20;
  return {"process_growth_against_accounts", std::abs(static_cast<double>(growth - accounts)),
          share * static_cast<double>(accounts) + libraries,
          fmt::format("the process grew by {:.0f} MiB, of which the accounts know {:.0f}",
                      static_cast<double>(growth) / mib, static_cast<double>(accounts) / mib)};
}

}  // namespace tidemark::bench
