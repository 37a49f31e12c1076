// SPDX-License-Identifier: BSD-3-Clause
#include "job/findings.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace tidemark::job {

std::string counted(std::size_t count, const std::string& word) {
  return fmt::format("{} {}{}", count, word, count == 1 ? "" : "s");
}

std::string who(const std::vector<Place>& places, const std::vector<int>& ranks) {
  std::set<std::string> hosts;
  for (const int rank : ranks) hosts.insert(place_of(places, rank).host);
  return fmt::format("{} of {}", ranks_text(ranks), fmt::join(hosts, ", "));
}

std::vector<int> sorted(const std::set<int>& numbers) { return {numbers.begin(), numbers.end()}; }

}  // namespace tidemark::job
