// SPDX-License-Identifier: BSD-3-Clause
// Runs the steps of one case and collects its figures.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "bench/case/ceiling.hpp"
#include "bench/case/process_growth.hpp"
#include "bench/case/product_rate.hpp"
#include "bench/case/warm_up.hpp"
#include "bench/result.hpp"
#include "bench/run_context.hpp"
#include "bench/step/overlap_measurement.hpp"
#include "bench/step/slow_rank.hpp"
#include "bench/step/step.hpp"
#include "bench/step/step_digest.hpp"
#include "bench/step/step_variants.hpp"
#include "comm/communicator.hpp"
#include "comm/counters.hpp"
#include "config/case.hpp"
#include "memory/ledger.hpp"
#include "memory/pool.hpp"
#include "model/stack.hpp"

namespace tidemark::bench {

/// The measurements of this rank, one value per iteration.
struct Series {
  std::vector<double> own_step_ms;
  std::vector<double> own_busy_ms;  ///< step time without the time in which this rank was blocked
  std::vector<double> step_ms, forward_ms, backward_ms;  ///< of the slowest rank
  std::vector<double> own_gemm_gflops;
  std::vector<double> gemm_gflops;  ///< mean over ranks
  comm::Counters counters;          ///< of the timed steps
  double measured_seconds = 0.0;    ///< sum of step_ms
  double polling_seconds = 0.0;
  std::uint64_t gemm_flops = 0;         ///< of products, in all timed steps
  std::int64_t hidden_allocations = 0;  ///< number in all timed steps
  std::string first_allocation;
  std::int64_t steps_that_differ =
      0;  ///< timed steps whose results differ from those of the checked step
  std::string first_difference;
};

/// Seconds in which this rank waited for calls, of all purposes.
double blocked_seconds(const comm::Counters& counters);

/// Owns the stack of a case in precision T and runs its steps. All functions are collective. The
/// arguments of the constructor must outlive this object. It must be destroyed before the
/// communicator.
template <class T>
class CaseMeasurement {
 public:
  /// `communication_library`: bytes of device memory that making the communicator took.
  CaseMeasurement(const config::Case& c, const RunContext& run, comm::Communicator& communicator,
                  std::optional<std::int64_t> communication_library);

  /// Runs the warm-up steps. Chooses the overlap mode if the case leaves it open.
  void warm_up();

  /// Verifies the twin and one step of the full case. Every timed step must give the same results
  /// as that step.
  [[nodiscard]] std::vector<Check> verify();

  /// Runs `iterations` steps, and more until their time reaches `min_seconds`. If overlap is
  /// measured, it also continues until the efficiency is resolved.
  void measure();

  /// Checks the timed steps. Each value is the worst of all ranks.
  [[nodiscard]] std::vector<Check> check();

  /// Writes this rank's tensors into files.
  void dump(const std::filesystem::path& folder);

  /// The figures, without checks and traces. Call this once, after all measurements.
  [[nodiscard]] CaseResult result();

  /// Runs one more step and returns its tide and its timeline, for every rank.
  [[nodiscard]] std::vector<StepTrace> trace();

 private:
  void announce(const std::string& what);
  /// Sets the library of the device's products, by measurement if the case leaves it open.
  void choose_products();
  [[nodiscard]] int iterations() const { return static_cast<int>(series_.step_ms.size()); }
  /// Describes the next iteration, such as "iteration 3/10"; empty if no iteration is needed. All
  /// ranks return the same text, because they know the same step times.
  [[nodiscard]] std::string next_iteration() const;
  StepTime timed_step();
  void compare_with_reference(const StepDigest& digest);
  /// Runs a step and returns the milliseconds of the slowest rank. Measures the product rate
  /// directly after the step.
  double measure_step();
  double take_step(const StepTime& own);
  void measure_product_rate();
  /// Bytes of the process if kernels run on the host. On a device, the growth of the bytes in use
  /// since before the first case. A case keeps all its memory until it has been measured.
  [[nodiscard]] std::optional<std::int64_t> process_bytes() const;
  /// The figures of this rank. `process` stays unknown.
  [[nodiscard]] MemoryFigures own_memory() const;
  MemoryFigures memory_figures();
  [[nodiscard]] RankDetail own_detail() const;

  config::Case case_;  ///< with the overlap mode that was chosen
  const RunContext& run_;
  comm::Communicator& communicator_;
  std::optional<std::int64_t> communication_library_;
  ProcessGrowth growth_;  ///< declared before everything that the case allocates
  memory::Pool pool_;
  memory::Ledger ledger_;
  model::Stack<T> stack_;
  StepVariants<T> variants_;
  Brake brake_;
  OverlapMeasurement<T> overlap_;
  WarmUp warm_up_;
  ProductChoice products_;
  std::optional<double> loss_;
  ProductRate<T> product_rate_;
  Ceiling ceiling_;
  std::optional<StepDigest> reference_;  ///< results of the checked step
  std::size_t pool_after_warm_up_ = 0;
  /// Scratch memory of own collectives after warm-up. Warm-up runs every schedule that overlap.mode
  /// auto tries.
  std::int64_t scratch_of_warm_up_ = 0;
  Series series_;
  memory::Tide tide_;
  std::optional<std::int64_t> process_bytes_;
};

}  // namespace tidemark::bench
