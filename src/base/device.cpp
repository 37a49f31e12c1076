// SPDX-License-Identifier: BSD-3-Clause
#include "base/device.hpp"

#include <cstddef>
#include <limits>

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/kokkos_compat.hpp"

namespace tidemark {

int checked_teams(const char* label, std::int64_t teams) {
  constexpr std::int64_t most = std::numeric_limits<int>::max();
  if (teams <= most) return static_cast<int>(teams);
  throw RunError(fmt::format("{}: {} rows, or strips of columns, are more than a launch takes ({})",
                             label, teams, most));
}

KernelWatch::KernelWatch(const ExecutionSpace& exec) : stream_(stream_of(exec)) {
  if constexpr (runs_on_cuda) clock_ = std::make_shared<StreamClock>();
}

void KernelWatch::begin(KernelLog& log) {
  if constexpr (runs_on_cuda) clock_->refresh_anchor(std::chrono::seconds(1));
  log_ = &log;
}

KernelWatch::Mark KernelWatch::mark() {
  if constexpr (runs_on_cuda) {
    return clock_->mark(stream_);
  } else {
    return nullptr;
  }
}

void KernelWatch::note(const char* label, std::chrono::steady_clock::time_point begin, Mark first) {
  if constexpr (runs_on_cuda) marks_.push_back({first, clock_->mark(stream_)});
  log_->push_back({label, begin, std::chrono::steady_clock::now()});
}

void KernelWatch::collect() {
  if constexpr (runs_on_cuda) {
    // The log may start with entries from before `begin`.
    auto record = log_->end() - static_cast<std::ptrdiff_t>(marks_.size());
    for (const Marks& marks : marks_) {
      record->begin = clock_->time_of(marks.first);
      record->end = clock_->time_of(marks.last);
      ++record;
      clock_->release(marks.first);
      clock_->release(marks.last);
    }
    marks_.clear();
  }
  log_ = nullptr;
}

ExecutionSpace own_instance() { return compat::own_instance<ExecutionSpace>(); }

CudaStream stream_of([[maybe_unused]] const ExecutionSpace& exec) {
#if defined(KOKKOS_ENABLE_CUDA)
  if constexpr (runs_on_cuda) {
    return exec.cuda_stream();
  } else {
    return nullptr;
  }
#else
  return nullptr;
#endif
}

void copy_in_order(const ExecutionSpace& exec, void* to, const void* from, std::size_t bytes) {
  Kokkos::deep_copy(exec, Vector<std::byte>(static_cast<std::byte*>(to), bytes),
                    Vector<const std::byte>(static_cast<const std::byte*>(from), bytes));
}

}  // namespace tidemark
