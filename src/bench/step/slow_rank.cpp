// SPDX-License-Identifier: BSD-3-Clause
#include "bench/step/slow_rank.hpp"

#include <charconv>
#include <chrono>
#include <cstdlib>
#include <system_error>
#include <thread>

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/stopwatch.hpp"
#include "comm/rank_zero.hpp"

namespace tidemark::bench {

namespace {

constexpr const char* variable = "TIDEMARK_TEST_SLOW_RANK";

std::optional<SlowRank> parse(const std::string& text, int ranks) {
  SlowRank slow;
  const char* const end = text.data() + text.size();
  const auto rank = std::from_chars(text.data(), end, slow.rank);
  if (rank.ec != std::errc() || rank.ptr == end || *rank.ptr != ':') return std::nullopt;
  const auto share = std::from_chars(rank.ptr + 1, end, slow.share);
  if (share.ec != std::errc() || share.ptr != end) return std::nullopt;
  const bool is_sane = slow.rank >= 0 && slow.rank < ranks && slow.share > 0.0 && slow.share <= 100;
  return is_sane ? std::optional(slow) : std::nullopt;
}

}  // namespace

std::optional<SlowRank> slow_rank_of_environment(comm::Communicator& communicator) {
  const std::string text = comm::from_rank_zero(communicator, [] {
    const char* const value = std::getenv(variable);
    return std::string(value == nullptr ? "" : value);
  });
  if (text.empty()) return std::nullopt;
  const auto slow = parse(text, communicator.size());
  if (!slow) {
    throw InputError(
        fmt::format("{}={}: expected RANK:SHARE with a rank from 0 to {} and a share "
                    "of a step up to 100, such as 1:0.2",
                    variable, text, communicator.size() - 1));
  }
  return slow;
}

void Brake::press() {
  if (share_ == 0.0 || step_seconds_ == 0.0) return;
  const Stopwatch watch;
  std::this_thread::sleep_for(std::chrono::duration<double>(share_ * step_seconds_));
  slept_seconds_ += watch.seconds();
}

void Brake::learn(double step_seconds) {
  step_seconds_ = step_seconds - slept_seconds_;
  slept_seconds_ = 0.0;
}

}  // namespace tidemark::bench
