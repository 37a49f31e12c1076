// SPDX-License-Identifier: BSD-3-Clause
#include "comm/nccl/link.hpp"

#include <nccl.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <thread>

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/unwinding.hpp"
#include "comm/rank_zero.hpp"

namespace tidemark::comm {

namespace {

std::string make_unique_id() {
  ncclUniqueId id{};
  if (const ncclResult_t code = ncclGetUniqueId(&id); code != ncclSuccess) {
    throw RunError(fmt::format("ncclGetUniqueId failed on rank 0: {}", ncclGetErrorString(code)));
  }
  return {id.internal, sizeof id.internal};
}

}  // namespace

NcclLink::NcclLink(Communicator& control, std::chrono::duration<double> timeout,
                   job::Watchdog& watchdog)
    : watchdog_(watchdog), timeout_(timeout), rank_(control.rank()) {
  const std::string bytes = from_rank_zero(control, make_unique_id);
  ncclUniqueId id{};
  TIDEMARK_REQUIRE(bytes.size() == sizeof id.internal, "NCCL's unique id has a fixed size");
  std::memcpy(id.internal, bytes.data(), bytes.size());
  ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
  config.blocking = 0;
  launch("ncclCommInitRankConfig",
         [&] { return ncclCommInitRankConfig(&comm_, control.size(), id, rank_, &config); });
  // No rank posts a collective before all ranks can take part in it.
  control.barrier();
}

NcclLink::~NcclLink() {
  if (is_broken()) return;
  if (an_error_unwinds()) {
    abort();
    return;
  }
  try {
    launch("ncclCommFinalize", [&] { return ncclCommFinalize(comm_); });
    const job::Watchdog::Call watched(watchdog_, "ncclCommDestroy");
    if (const ncclResult_t code = ncclCommDestroy(comm_); code != ncclSuccess) {
      throw RunError(failure_line("ncclCommDestroy", ncclGetErrorString(code)));
    }
  } catch (const Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
  }
}

std::string NcclLink::wait_for(int code) const {
  // Calls of a step finish within microseconds, and sleeping would take much longer.
  constexpr Clock::duration short_while = std::chrono::milliseconds(1);
  const Clock::time_point begin = Clock::now();
  auto state = static_cast<ncclResult_t>(code);
  while (state == ncclInProgress) {
    const Clock::duration elapsed = Clock::now() - begin;
    if (elapsed > timeout_) return fmt::format("not complete after {:g} s", timeout_.count());
    if (elapsed < short_while) {
      std::this_thread::yield();
    } else {
      std::this_thread::sleep_for(std::chrono::microseconds(100));
    }
    const ncclResult_t asked = ncclCommGetAsyncError(comm_, &state);
    if (asked != ncclSuccess) state = asked;
  }
  return state == ncclSuccess ? std::string() : describe(state);
}

std::string NcclLink::asynchronous_trouble() const {
  if (is_broken()) return "the communicator has been aborted";
  ncclResult_t state = ncclSuccess;
  const ncclResult_t asked = ncclCommGetAsyncError(comm_, &state);
  if (asked != ncclSuccess) state = asked;
  return state == ncclSuccess || state == ncclInProgress ? std::string() : describe(state);
}

std::string NcclLink::describe(int code) const {
  const char* const words = ncclGetErrorString(static_cast<ncclResult_t>(code));
  const char* const detail = ncclGetLastError(comm_);
  std::string text = words;
  if (detail != nullptr && *detail != '\0') text += fmt::format(": {}", detail);
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text + " (NCCL_DEBUG=WARN says more)";
}

std::string NcclLink::failure_line(std::string_view operation, std::string_view reason) const {
  return fmt::format("{} failed in {} on rank {}: {}", operation, watchdog_.context(), rank_,
                     reason);
}

void NcclLink::fail(std::string_view operation, std::string_view reason) {
  abort();
  throw RunError(failure_line(operation, reason));
}

void NcclLink::abort() noexcept {
  if (is_broken()) return;
  const job::Watchdog::Call watched(watchdog_, "ncclCommAbort");
  ncclCommAbort(comm_);
  comm_ = nullptr;
}

}  // namespace tidemark::comm
