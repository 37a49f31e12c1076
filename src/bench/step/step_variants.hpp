// SPDX-License-Identifier: BSD-3-Clause
// The step variants with which overlap is measured.
#pragma once

#include <array>

#include "bench/host_sums.hpp"
#include "bench/step/step.hpp"
#include "bench/step/timeline.hpp"
#include "comm/wrappers/silent.hpp"
#include "model/stack.hpp"

namespace tidemark::bench {

/// * `step`: the case as configured.
/// * `serial`: with overlap.mode none.
/// * `compute_serial`: the kernels of `serial` without the collectives.
/// * `compute`: the kernels of `step` without the collectives.
/// * `comm`: the collectives of `step` with their buffers and order, without the kernels.
enum class Variant { step, serial, compute_serial, compute, comm };
// The full type is given, because no compiler accepts what nvcc generates for a deduced one.
inline constexpr std::array<Variant, 5> all_variants{
    Variant::step, Variant::serial, Variant::compute_serial, Variant::compute, Variant::comm};

/// Runs the variants of a stack's step. The arguments of the constructor must outlive this object.
/// Collective.
template <class T>
class StepVariants {
 public:
  StepVariants(model::Stack<T>& stack, Device& device, comm::Communicator& communicator)
      : stack_(stack),
        device_(device),
        communicator_(communicator),
        silent_(communicator, runs_on_host ? sum_by_threads : comm::leave_alone),
        configured_(stack.context().schedule),
        watch_(*device.exec) {
    device_.watch = &watch_;
  }
  ~StepVariants() {
    prepare(Variant::step);
    device_.watch = nullptr;
  }
  StepVariants(const StepVariants&) = delete;
  StepVariants& operator=(const StepVariants&) = delete;

  /// Sets the mode of later variants, except of `serial` and `compute_serial`.
  void choose(parallel::OverlapMode mode);
  [[nodiscard]] parallel::OverlapMode mode() const { return configured_.mode; }
  /// From now on, `brake` acts in every variant that computes.
  void brake_with(Brake& brake) { brake_ = &brake; }

  /// Runs a variant and returns this rank's time. `log`, if given, gets the kernels and calls of
  /// the step. `digest`, if given, gets its results.
  StepTime run(Variant variant, StepLog* log = nullptr, StepDigest* digest = nullptr);

 private:
  void prepare(Variant variant);

  model::Stack<T>& stack_;
  Device& device_;
  Device dry_run_device_ = Device::dry_run();
  comm::Communicator& communicator_;
  comm::SilentCommunicator silent_;
  parallel::Schedule configured_;
  Brake* brake_ = nullptr;
  KernelWatch watch_;
};

}  // namespace tidemark::bench
