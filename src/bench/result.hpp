// All that is measured of one case.
#pragma once

#include <cstdint>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/accelerator.hpp"
#include "bench/case/drift.hpp"
#include "bench/case/warm_up.hpp"
#include "bench/statistics.hpp"
#include "bench/step/overlap.hpp"
#include "bench/step/slow_rank.hpp"
#include "bench/verify/verification.hpp"
#include "comm/communicator.hpp"
#include "comm/operation.hpp"
#include "config/case.hpp"
#include "job/placement.hpp"
#include "memory/ledger.hpp"

namespace tidemark::bench {

/// An activation, or all activations of one name, in the ledger.
struct LedgerLine {
  std::string name;
  int layer = 0;  ///< -1: of the stack as a whole
  std::string tensor_class;
  std::int64_t bytes = 0;
};

/// One saved tensor of a layer, or of the ends, as measured and as the formula has it.
struct SavedLine {
  std::string name;
  std::int64_t bytes = 0;          ///< a layer, or the ends
  std::int64_t formula_bytes = 0;  ///< likewise
  bool in_formula = true;          ///< false for the norm statistics
};

/// Memory of the largest rank, bytes; definitions in docs/definitions/memory.md.
struct MemoryFigures {
  std::int64_t saved = 0;              ///< layers and ends, without the norm statistics
  std::int64_t saved_per_layer = 0;    ///< of the layer that saves most
  std::int64_t formula_per_layer = 0;  ///< sum over the tensors, by formula
  std::optional<std::int64_t>
      closed_formula_per_layer;      ///< the published closed form, where it applies
  std::int64_t saved_of_ends = 0;    ///< without the norm statistics
  std::int64_t formula_of_ends = 0;  ///< sum over their tensors, by formula
  std::optional<std::int64_t> closed_formula_of_ends;
  std::int64_t norm_statistics = 0;  ///< whole stack
  std::int64_t peak = 0;
  std::optional<std::int64_t> pool;     ///< of a run
  std::optional<std::int64_t> process;  ///< high-water mark of the process during this case
  /// What making the communicator took of the device; nullopt on a host.
  std::optional<std::int64_t> communication_library;
  std::int64_t parameters = 0;
  std::int64_t gradients = 0;
  std::optional<std::int64_t> optimizer;  ///< of a plan: a run has none
  std::int64_t communication_buffers = 0;
  std::vector<SavedLine> by_tensor;  ///< of a layer
  std::vector<SavedLine> of_ends;    ///< of the ends, where there are any
  std::vector<LedgerLine> at_peak;
};

/// The collectives of one operation and purpose in one step of one rank.
struct CallLine {
  comm::Operation operation;
  comm::Purpose purpose;
  std::int64_t count = 0;
  std::int64_t message_bytes = 0;
  std::int64_t wire_bytes = 0;
  std::optional<double> seconds;          ///< mean over steps and ranks
  std::optional<double> blocked_seconds;  ///< likewise
  std::optional<double> busbw_gbytes_per_s;
};

/// One rank: who is the straggler.
struct RankDetail {
  std::string host;
  accelerator::Identity device;
  std::int64_t threads = 1;
  double step_ms = 0.0;      ///< median
  double blocked_ms = 0.0;   ///< mean a step in which the rank waited for communication
  double gemm_gflops = 0.0;  ///< median product rate
  std::int64_t peak_bytes = 0;
  std::optional<std::int64_t> process_bytes;
  double busy_ms = 0.0;  ///< median of a step without what it waited for communication
  std::string cores;     ///< that the launcher gave the process, "0-3,8"
};

/// An interval of a traced step, in seconds on the clock of its tide.
struct TraceSlice {
  enum class Track { compute, comm, waiting };
  Track track = Track::compute;
  std::string name;
  std::int64_t bytes = 0;  ///< of a call: the message
  double begin = 0.0;
  double end = 0.0;
};

/// How the communication of a case was hidden.
struct OverlapResult {
  OverlapSamples samples;
  OverlapFigures figures;
  double timeline_exposed_ms = 0.0;  ///< median of the rank that was longest in the communicator
  double intersect_ms =
      0.0;                   ///< median of the rank that had least computation beside communication
  double polling_ms = 0.0;   ///< mean a step, largest rank
  std::string void_because;  ///< why no figure is given, where that is so: a tool that fences
};

/// One traced step of one rank.
struct StepTrace {
  double forward_seconds = 0.0;
  double backward_seconds = 0.0;
  memory::TideHistory tide;
  std::vector<TraceSlice> slices;  ///< what it computed and communicated, in order of beginning
};

/// Wire bytes of a step for one purpose, a rank.
[[nodiscard]] std::int64_t wire_bytes(const std::vector<CallLine>& calls, comm::Purpose purpose);

struct CaseResult {
  config::Case settings;
  int ranks = 1;
  std::string backend;    ///< the communicator that carried the collectives
  std::string transport;  ///< how it got at the buffers: see comm::Communicator::transport
  /// Of the pool, with the library of the communicator, smallest rank; nullopt: not asked for.
  std::optional<std::int64_t> registered_bytes;
  std::optional<SlowRank> slow_rank;  ///< where the run was disturbed on purpose
  Verification verification;

  Summary step_ms, forward_ms, backward_ms;  ///< of the slowest rank, iteration by iteration
  Summary gemm_gflops;                       ///< product rate, mean over the ranks
  double model_flops_per_step = 0.0;         ///< of all ranks together
  double launched_flops_per_rank = 0.0;      ///< with what is computed again or not at all
  std::optional<double> loss;                ///< mean of a token, nats; of a stack with ends
  /// 90 % interval of the median step; unknown of fewer than 3.
  std::optional<std::pair<double, double>> step_ms_interval;
  WarmUp warm_up;
  std::optional<Drift> drift;  ///< of the steps; unknown of fewer than 6

  MemoryFigures memory;
  std::vector<CallLine> calls;
  std::vector<comm::AlgorithmChoice> algorithms;  ///< what `auto` measured and chose
  config::OverlapMode overlap_mode =
      config::OverlapMode::none;  ///< none, bulk or ring; where the input says auto, what was
                                  ///< chosen
  std::optional<OverlapResult> overlap;  ///< where communication was to be hidden
  std::vector<RankDetail> rank_details;
  job::Placement placement;       ///< of the whole run; empty where nobody looked
  std::vector<StepTrace> traces;  ///< by rank, where a trace was asked for

  [[nodiscard]] bool valid() const { return verification.passed(); }
  /// A what-if: its times are no machine's.
  [[nodiscard]] bool is_emulated() const { return settings.emulated_link.is_emulated(); }
  /// Its times may be published.
  [[nodiscard]] bool has_merit() const { return valid() && !is_emulated() && !slow_rank; }
  [[nodiscard]] double gflops_per_rank() const {
    return model_flops_per_step / ranks / (step_ms.median * 1e-3) * 1e-9;
  }
  [[nodiscard]] double fraction_of_gemm() const { return gflops_per_rank() / gemm_gflops.median; }
  /// Operations of the model in 1e12 a second, all ranks together: the figure of merit.
  [[nodiscard]] double model_tflops_per_s() const { return tflops_per_s(step_ms.median); }
  /// 90 %, lowest first.
  [[nodiscard]] std::optional<std::pair<double, double>> model_tflops_interval() const {
    if (!step_ms_interval) return std::nullopt;
    return std::pair{tflops_per_s(step_ms_interval->second), tflops_per_s(step_ms_interval->first)};
  }
  /// Sum of the timed steps.
  [[nodiscard]] double measured_seconds() const {
    return std::accumulate(step_ms.samples.begin(), step_ms.samples.end(), 0.0) * 1e-3;
  }
  [[nodiscard]] double tokens_per_s() const {
    return static_cast<double>(settings.model.tokens()) / (step_ms.median * 1e-3);
  }

 private:
  [[nodiscard]] double tflops_per_s(double step) const {
    return model_flops_per_step / (step * 1e-3) * 1e-12;
  }
};

/// What a case will hold and move, from its settings alone: the figures of one rank.
struct PlanResult {
  config::Case settings;
  MemoryFigures memory;  ///< as a run would measure it; `pool` and `process` are not predicted
  std::vector<CallLine> calls;
  double model_flops_per_step = 0.0;
  double launched_flops_per_rank = 0.0;

  /// All that training holds: parameters, gradients, optimizer, the peak of activations, buffers.
  [[nodiscard]] std::int64_t total_bytes() const;
};

}  // namespace tidemark::bench
