// SPDX-License-Identifier: BSD-3-Clause
// Collectives by NCCL, on the memory of CUDA devices.
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/stream_clock.hpp"
#include "comm/communicator.hpp"
#include "job/watchdog.hpp"

namespace tidemark::comm {

class NcclLink;
class NcclBuffers;
class NcclPendingCalls;
class NcclWatch;

/// Whether this build has NCCL.
[[nodiscard]] bool has_nccl() noexcept;
/// Whether this build's NCCL is new enough to register buffers.
[[nodiscard]] bool nccl_registers_buffers() noexcept;

/// Makes a communicator over NCCL for the ranks of `control`, which carries its control operations.
/// Collective. Buffers are in the memory of the current device. `compute_stream`, a cudaStream_t,
/// is the stream that computes on this device.
///
/// Throws RunError with the same line on all ranks in three cases: a rank has no device,
/// `compute_stream` is missing because the data are in host memory, or this build has no NCCL.
std::unique_ptr<Communicator> make_nccl_communicator(std::unique_ptr<Communicator> control,
                                                     std::optional<void*> compute_stream,
                                                     std::chrono::duration<double> timeout);

/// Collectives over NCCL on a separate stream, ordered with the compute stream (follows_stream).
/// NCCL forms the sums: those of bf16 are added in fp32 and rounded on each rank that they pass.
///
/// Reading the counters or attaching a log makes the host wait for the device. The times come from
/// events on the streams (see NcclPendingCalls), which are known when the calls are complete.
/// `blocked` is the time in which the compute stream stood at a wait.
///
/// The process ends if the device makes no progress in a call for `timeout`. It also ends if NCCL
/// reports an error on the device or the network. See NcclWatch.
class NcclCommunicator final : public Communicator {
 public:
  NcclCommunicator(std::unique_ptr<Communicator> control, CudaStream compute,
                   std::chrono::duration<double> timeout);
  ~NcclCommunicator() override;

  [[nodiscard]] int rank() const noexcept override { return control_->rank(); }
  [[nodiscard]] int size() const noexcept override { return control_->size(); }
  [[nodiscard]] std::string_view name() const noexcept override { return "nccl"; }
  [[nodiscard]] std::string_view transport() const noexcept override { return "device"; }
  [[nodiscard]] bool follows_stream() const noexcept override { return true; }

  [[nodiscard]] Request post(const Call& call) override;
  [[nodiscard]] std::vector<Request> post_together(std::span<const Call> exchanges) override;
  void wait(Request& request) override;
  void poll() override;
  void fence() override { catch_up(); }
  /// Memory that is given back remains allocated until the process ends, if an error unwinds the
  /// rank or has ended the communicator.
  [[nodiscard]] std::optional<MemorySource> buffer_memory() override;
  [[nodiscard]] std::int64_t registered_bytes() const override;

  void barrier() override;
  void max_over_ranks(std::span<double> values) override { control_->max_over_ranks(values); }
  void min_over_ranks(std::span<double> values) override { control_->min_over_ranks(values); }
  void sum_over_ranks(std::span<double> values) override { control_->sum_over_ranks(values); }
  [[nodiscard]] std::string broadcast_bytes(std::string bytes, int root = 0) override {
    return control_->broadcast_bytes(std::move(bytes), root);
  }
  [[nodiscard]] std::vector<std::string> gather_bytes(std::string_view bytes) override {
    return control_->gather_bytes(bytes);
  }

  void set_context(std::string context) override {
    control_->set_context(context);
    watchdog_.set_context(std::move(context));
  }
  [[nodiscard]] const Counters& counters() const override;
  void reset_counters() override;
  void attach(CallLog* log) noexcept override;

 private:
  template <class Launch>
  Request start(const Call& call, bool launches, const Launch& launch);
  template <class Body>
  auto guarded(std::string_view operation, const Body& body) const;
  void require_well(std::string_view operation) const;
  void require_apart(const Call& call) const;
  void catch_up() const;
  void account_for_all() const;
  void give_back(void* memory) noexcept;

  job::Watchdog watchdog_;  // of the host's calls
  std::unique_ptr<Communicator> control_;
  mutable std::mutex mutex_;  ///< guards the pending calls and the link against the watch
  std::unique_ptr<NcclPendingCalls> pending_;
  std::unique_ptr<NcclLink> link_;
  std::unique_ptr<NcclBuffers> buffers_;  ///< guarded by the same mutex
  std::unique_ptr<NcclWatch> watch_;      ///< last, because it uses the other members
};

}  // namespace tidemark::comm
