// SPDX-License-Identifier: BSD-3-Clause
// Ranks as text.
#pragma once

#include <string>
#include <vector>

#include <fmt/format.h>

#include "job/cpus.hpp"

namespace tidemark::job {

/// A text such as "rank 1" or "ranks 0-2,5". `ranks` must ascend.
inline std::string ranks_text(const std::vector<int>& ranks) {
  return fmt::format("rank{} {}", ranks.size() == 1 ? "" : "s", text_of(ranks));
}

}  // namespace tidemark::job
