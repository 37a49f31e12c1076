// The steps of one case, and the figures that come of them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "bench/case/process_growth.hpp"
#include "bench/case/product_rate.hpp"
#include "bench/case/warm_up.hpp"
#include "bench/environment.hpp"
#include "bench/result.hpp"
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

/// What this rank measured, iteration by iteration.
struct Series {
  std::vector<double> own_step_ms;
  std::vector<double> own_busy_ms;                       ///< without what this rank was blocked for
  std::vector<double> step_ms, forward_ms, backward_ms;  ///< of the slowest rank
  std::vector<double> own_gemm_gflops;
  std::vector<double> gemm_gflops;  ///< mean over ranks
  comm::Counters counters;          ///< of the timed steps
  double measured_seconds = 0.0;    ///< sum of step_ms
  double polling_seconds = 0.0;
  std::uint64_t gemm_flops = 0;         ///< of all timed steps
  std::int64_t hidden_allocations = 0;  ///< in all timed steps
  std::string first_allocation;
  std::int64_t steps_that_differ =
      0;  ///< timed steps that computed something else than the checked
  std::string first_difference;
};

/// The stack of a case in precision T, step by step; collective, all of it. What it refers to must
/// outlive it; its memory is given back before the communicator ends.
template <class T>
class CaseMeasurement {
 public:
  /// `communication_library`: what making the communicator took of the device.
  CaseMeasurement(const config::Case& c, const Environment& environment,
                  comm::Communicator& communicator,
                  std::optional<std::int64_t> communication_library);

  /// The first steps; chooses the overlap mode where the case leaves it open.
  void warm_up();

  /// Verifies the twin, and one step of the full case; what it computed is what every timed step
  /// has to compute.
  void verify(Verification& verification);

  /// `iterations` steps, and more until together they have taken `min_seconds`; where overlap is
  /// measured, also until it is resolved.
  void measure();

  /// What the measured steps have to be like: worst of all ranks.
  void check(Verification& verification);

  /// This rank's tensors, as files.
  void dump(const std::filesystem::path& folder);

  /// The figures; to be called once, when all has been measured.
  void report(CaseResult& result);

  /// One more step, with its tide and its timeline.
  void trace(CaseResult& result);

 private:
  void announce(const std::string& what);
  [[nodiscard]] int iterations() const { return static_cast<int>(series_.step_ms.size()); }
  /// What measure() does next, "iteration 3/10"; empty where it has done enough. The same on all
  /// ranks: they know the same steps.
  [[nodiscard]] std::string next_iteration() const;
  StepTime timed_step();
  void compare_with_reference(const StepDigest& digest);
  /// Milliseconds of the slowest rank, with the product rate right behind the step.
  double measure_step();
  double take_step(const StepTime& own);
  void measure_product_rate();
  /// Of the process where the kernels run on the host. Of a device, what has come to be in use
  /// since before the first case: all that a case holds, it still holds when it has been measured.
  [[nodiscard]] std::optional<std::int64_t> process_bytes() const;
  /// Of this rank; `process` stays unknown.
  [[nodiscard]] MemoryFigures own_memory() const;
  MemoryFigures memory_figures();
  [[nodiscard]] RankDetail own_detail() const;

  config::Case case_;  ///< with the overlap mode that was chosen
  const Environment& environment_;
  comm::Communicator& communicator_;
  std::optional<std::int64_t> communication_library_;
  ProcessGrowth growth_;  ///< before whatever the case allocates
  memory::Pool pool_;
  memory::Ledger ledger_;
  model::Stack<T> stack_;
  StepVariants<T> variants_;
  Brake brake_;
  OverlapMeasurement<T> overlap_;
  WarmUp warm_up_;
  std::optional<double> loss_;
  ProductRate<T> product_rate_;
  std::optional<StepDigest> reference_;  ///< of the checked step
  std::size_t pool_after_warm_up_ = 0;
  /// What own collectives held of scratch memory after warm-up, which goes through every schedule
  /// that overlap.mode auto tries.
  std::int64_t scratch_of_warm_up_ = 0;
  Series series_;
  memory::Tide tide_;
  std::optional<std::int64_t> process_bytes_;
};

}  // namespace tidemark::bench
