// SPDX-License-Identifier: BSD-3-Clause
// All results of one case.
#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/accelerator.hpp"
#include "bench/case/drift.hpp"
#include "bench/case/products.hpp"
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

/// One activation in the ledger, or all activations of one name.
struct LedgerLine {
  std::string name;
  int layer = 0;  ///< -1: belongs to the whole stack
  std::string tensor_class;
  std::int64_t bytes = 0;
};

/// One saved tensor of a layer or of the ends, measured and by formula.
struct SavedLine {
  std::string name;
  std::int64_t bytes = 0;          ///< of one layer, or of the ends
  std::int64_t formula_bytes = 0;  ///< of the same
  bool in_formula = true;          ///< false for norm statistics
};

/// Memory of the largest rank, bytes; definitions in docs/definitions/memory.md.
struct MemoryFigures {
  std::int64_t saved = 0;              ///< layers and ends, without norm statistics
  std::int64_t saved_per_layer = 0;    ///< of the layer that saves most
  std::int64_t formula_per_layer = 0;  ///< sum over the tensors, by formula
  std::optional<std::int64_t>
      closed_formula_per_layer;      ///< the published closed form, if it applies
  std::int64_t saved_of_ends = 0;    ///< without norm statistics
  std::int64_t formula_of_ends = 0;  ///< sum over their tensors, by formula
  std::optional<std::int64_t> closed_formula_of_ends;
  std::int64_t norm_statistics = 0;  ///< of the whole stack
  std::int64_t peak = 0;
  std::optional<std::int64_t> pool;     ///< of a run only
  std::optional<std::int64_t> process;  ///< high-water mark of the process during this case
  /// Bytes of device memory that making the communicator took; nullopt on a host.
  std::optional<std::int64_t> communication_library;
  std::int64_t parameters = 0;
  std::int64_t gradients = 0;
  std::optional<std::int64_t> optimizer;  ///< of a plan only, because a run has no optimizer
  std::int64_t communication_buffers = 0;
  std::vector<SavedLine> by_tensor;  ///< of one layer
  std::vector<SavedLine> of_ends;    ///< of the ends, if there are any
  std::vector<LedgerLine> at_peak;
};

/// The collectives of one operation and purpose, per step and rank.
struct CallLine {
  comm::Operation operation;
  comm::Purpose purpose;
  std::int64_t count = 0;
  std::int64_t message_bytes = 0;
  std::int64_t wire_bytes = 0;
  std::optional<double> seconds;          ///< mean over steps and ranks
  std::optional<double> blocked_seconds;  ///< mean over steps and ranks
  std::optional<double> busbw_gbytes_per_s;
  /// Mean over steps and ranks, added up message by message; nullopt if the library does not tell.
  struct Sent {
    double node_bytes;     ///< to ranks of the same node
    double network_bytes;  ///< to ranks of other nodes
  };
  std::optional<Sent> sent = std::nullopt;
};

/// The figures of one rank, to find stragglers.
struct RankDetail {
  std::string host;
  accelerator::Identity device;
  std::int64_t threads = 1;
  double step_ms = 0.0;  ///< median
  /// Mean per step of the time in which the rank waited for communication.
  double blocked_ms = 0.0;
  double gemm_gflops = 0.0;  ///< median product rate
  std::int64_t peak_bytes = 0;
  std::optional<std::int64_t> process_bytes;
  double busy_ms = 0.0;  ///< median of the step without that waiting time
  std::string cores;     ///< cores that the launcher gave to the process, such as "0-3,8"
};

/// An interval of a traced step, in seconds on the clock of its tide.
struct TraceSlice {
  enum class Track { compute, comm, waiting };
  Track track = Track::compute;
  std::string name;
  std::int64_t bytes = 0;  ///< message size of a call
  double begin = 0.0;
  double end = 0.0;
};

/// How well the communication of a case was hidden.
struct OverlapResult {
  OverlapSamples samples;
  OverlapFigures figures;
  double timeline_exposed_ms = 0.0;  ///< median, of the rank with the most time in the communicator
  double intersect_ms =
      0.0;                  ///< median, of the rank with the least computation during communication
  double polling_ms = 0.0;  ///< mean per step, largest rank
  std::string void_because;  ///< why no figure is given, for example a tool that fences; else empty
};

/// One traced step of one rank.
struct StepTrace {
  double forward_seconds = 0.0;
  double backward_seconds = 0.0;
  memory::TideHistory tide;
  std::vector<TraceSlice> slices;  ///< kernels and communication, sorted by their begin
};

/// Wire bytes per step and rank for one purpose.
[[nodiscard]] std::int64_t wire_bytes(const std::vector<CallLine>& calls, comm::Purpose purpose);

struct CaseResult {
  config::Case settings;
  int ranks = 1;
  std::string backend;    ///< the communicator that carried the collectives
  std::string transport;  ///< how it accessed the buffers: see comm::Communicator::transport
  /// Bytes of the pool that the communicator's library registered, smallest rank; nullopt: not
  /// requested.
  std::optional<std::int64_t> registered_bytes;
  std::optional<SlowRank> slow_rank;  ///< if the run was slowed down on purpose
  Verification verification;

  Summary step_ms, forward_ms, backward_ms;  ///< of the slowest rank, one sample per iteration
  Summary gemm_gflops;                       ///< product rate, mean over the ranks
  ProductChoice products;                    ///< the library that formed all products
  /// Rate of this precision that no product can exceed, mean over the ranks; nullopt: not known.
  std::optional<double> ceiling_gflops;
  double model_flops_per_step = 0.0;   ///< of all ranks together
  double causal_flops_per_step = 0.0;  ///< without the scores that the mask hides
  /// Includes recomputed operations, and leaves out those that are skipped.
  double launched_flops_per_rank = 0.0;
  std::optional<double> loss;  ///< mean per token in nats; only with ends
  /// 90 % interval of the median step; unknown for fewer than 3 steps.
  std::optional<std::pair<double, double>> step_ms_interval;
  WarmUp warm_up;
  std::optional<Drift> drift;  ///< of the steps; unknown for fewer than 6

  MemoryFigures memory;
  std::vector<CallLine> calls;
  std::vector<comm::AlgorithmChoice> algorithms;  ///< what `auto` measured and chose
  std::optional<comm::PieceChoice> pieces;        ///< of messages beside products
  config::OverlapMode overlap_mode =
      config::OverlapMode::none;         ///< none, bulk or ring; for auto, the mode that was chosen
  std::optional<OverlapResult> overlap;  ///< if the case hides communication
  std::vector<RankDetail> rank_details;
  job::Placement placement;       ///< of the whole run; empty if it was not examined
  std::vector<StepTrace> traces;  ///< by rank, if a trace was requested

  [[nodiscard]] bool valid() const { return verification.passed(); }
  /// Whether its times are those of an emulated link and of no real machine.
  [[nodiscard]] bool is_emulated() const { return settings.emulated_link.is_emulated(); }
  /// Whether its times may be published.
  [[nodiscard]] bool has_merit() const { return valid() && !is_emulated() && !slow_rank; }
  [[nodiscard]] double gflops_per_rank() const {
    return model_flops_per_step / ranks / (step_ms.median * 1e-3) * 1e-9;
  }
  [[nodiscard]] double fraction_of_gemm() const { return gflops_per_rank() / gemm_gflops.median; }
  /// A step of several products cannot be much faster than its largest product alone. Where it
  /// seems to be, other work ran on the cores while the product was measured.
  [[nodiscard]] bool product_rate_was_disturbed() const { return fraction_of_gemm() > 1.1; }
  /// Utilisation: `flops` per rank and step against the ceiling. nullopt if the ceiling is not
  /// known, or was measured while other work ran: no step can exceed it.
  [[nodiscard]] std::optional<double> utilisation(double flops) const {
    if (!ceiling_gflops || ceiling_was_disturbed()) return std::nullopt;
    const double share = flops / (step_ms.median * 1e-3) * 1e-9 / *ceiling_gflops;
    return share <= 1.0 ? std::optional(share) : std::nullopt;
  }
  /// Model FLOPs utilisation, with and without the scores that the mask hides.
  [[nodiscard]] std::optional<double> mfu() const {
    return utilisation(model_flops_per_step / ranks);
  }
  [[nodiscard]] std::optional<double> causal_mfu() const {
    return utilisation(causal_flops_per_step / ranks);
  }
  /// Hardware FLOPs utilisation.
  [[nodiscard]] std::optional<double> hfu() const { return utilisation(launched_flops_per_rank); }
  /// Whether the step, or the product beside it, was faster than the ceiling.
  [[nodiscard]] bool ceiling_was_disturbed() const {
    return ceiling_gflops &&
           std::max(gflops_per_rank(), gemm_gflops.median) > 1.02 * *ceiling_gflops;
  }
  /// The figure of merit: operations of the model in 1e12 per second, all ranks together.
  [[nodiscard]] double model_tflops_per_s() const { return tflops_per_s(step_ms.median); }
  /// 90 % interval, lower end first.
  [[nodiscard]] std::optional<std::pair<double, double>> model_tflops_interval() const {
    if (!step_ms_interval) return std::nullopt;
    return std::pair{tflops_per_s(step_ms_interval->second), tflops_per_s(step_ms_interval->first)};
  }
  /// Sum of the seconds of the timed steps.
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

/// The memory and traffic of one rank that a case will need, from its settings only.
struct PlanResult {
  config::Case settings;
  MemoryFigures memory;  ///< as a run would measure it, without `pool` and `process`
  std::vector<CallLine> calls;
  /// The library that was assumed; nullopt if a run decides by measurement, which changes no bytes.
  std::optional<ProductLibrary> products;
  double model_flops_per_step = 0.0;
  double launched_flops_per_rank = 0.0;

  /// Bytes for training: parameters, gradients, optimizer, peak of activations, buffers.
  [[nodiscard]] std::int64_t total_bytes() const;
};

}  // namespace tidemark::bench
