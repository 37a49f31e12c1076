// SPDX-License-Identifier: BSD-3-Clause
#include "job/threads.hpp"

#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>

namespace tidemark::job {

namespace {

/// Kokkos has an array of this size for its OpenMP threads, and writes beyond it if there are more:
/// OpenMPExec::MAX_THREAD_COUNT of 3.4 and of 4.x.
constexpr int most_threads = 512;

/// The number at the start of a text, such as an OpenMP list; nullopt if there is none.
std::optional<int> number_in(const char* text) {
  const int number = text == nullptr ? 0 : std::atoi(text);
  return number > 0 ? std::optional(number) : std::nullopt;
}

/// The last Kokkos option for the number of threads; "" if there is none.
std::string option_in(const std::vector<std::string_view>& arguments) {
  std::string found;
  for (const std::string_view argument : arguments) {
    if (argument.starts_with("--kokkos-threads=") ||
        argument.starts_with("--kokkos-num-threads=")) {
      found = argument;
    }
  }
  return found;
}

/// The user's setting, and the words that an error line repeats.
struct Wish {
  std::optional<int> number;
  std::string where, words;
};

Wish wish_of(const std::string& option, const Variables& variable) {
  if (!option.empty()) {
    return {number_in(option.c_str() + option.find('=') + 1), "command line", option};
  }
  for (const char* const name : {"KOKKOS_NUM_THREADS", "OMP_NUM_THREADS"}) {
    if (const auto number = number_in(variable(name))) {
      return {number, "environment", fmt::format("{}={}", name, *number)};
    }
  }
  return {};
}

}  // namespace

ThreadChoice choose_threads(int share, const std::vector<std::string_view>& arguments,
                            const Variables& variable) {
  const std::string option = option_in(arguments);
  const Wish wish = wish_of(option, variable);
  const std::optional<int> limit = number_in(variable("OMP_THREAD_LIMIT"));
  if (limit && wish.number && *wish.number > *limit) {
    return {std::nullopt, fmt::format("{}: {} is more than OMP_THREAD_LIMIT={} allows", wish.where,
                                      wish.words, *limit)};
  }
  if (wish.number && *wish.number > most_threads) {
    return {std::nullopt, fmt::format("{}: {} is more than the {} threads that a rank can have",
                                      wish.where, wish.words, most_threads)};
  }
  if (wish.number || !option.empty()) return {};
  return {std::min({share, limit.value_or(share), most_threads}), ""};
}

}  // namespace tidemark::job
