// Ranks in words.
#pragma once

#include <fmt/format.h>

#include <string>
#include <vector>

#include "job/cpus.hpp"

namespace tidemark::job {

/// "rank 1", "ranks 0-2,5"; `ranks` ascend.
inline std::string ranks_text(const std::vector<int>& ranks) {
  return fmt::format("rank{} {}", ranks.size() == 1 ? "" : "s", text_of(ranks));
}

}  // namespace tidemark::job
