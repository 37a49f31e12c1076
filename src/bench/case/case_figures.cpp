// SPDX-License-Identifier: BSD-3-Clause
// The figures of a case: what CaseMeasurement makes of its series.
#include <algorithm>

#include "base/accelerator.hpp"
#include "base/scalars.hpp"
#include "bench/block_bootstrap.hpp"
#include "bench/case/case_measurement.hpp"
#include "bench/gather.hpp"
#include "bench/kernel_buffers.hpp"
#include "bench/statistics.hpp"
#include "bench/verify/audit.hpp"
#include "kernels/onednn_products.hpp"
#include "theory/flops.hpp"

namespace tidemark::bench {

double blocked_seconds(const comm::Counters& counters) {
  double seconds = 0.0;
  for (const comm::Purpose purpose : comm::all_purposes) {
    seconds += counters.total(purpose).blocked_seconds;
  }
  return seconds;
}

template <class T>
CaseResult CaseMeasurement<T>::result() {
  CaseResult result;
  result.ranks = communicator_.size();
  result.backend = communicator_.name();
  result.transport = communicator_.transport();
  result.slow_rank = run_.slow_rank;
  result.step_ms = summarize(series_.step_ms);
  result.forward_ms = summarize(series_.forward_ms);
  result.backward_ms = summarize(series_.backward_ms);
  result.gemm_gflops = summarize(series_.gemm_gflops);
  result.ceiling_gflops = ceiling_.mean_gflops();
  result.model_flops_per_step = theory::model_flops_per_step(case_);
  result.causal_flops_per_step = theory::causal_flops_per_step(case_);
  result.launched_flops_per_rank = theory::launched_flops_per_step(case_);
  result.loss = loss_;
  result.calls = mean_calls(series_.counters, iterations(), communicator_);
  result.algorithms = communicator_.choices();
  result.pieces = communicator_.pieces();
  result.products = products_;
  if (products_.library == ProductLibrary::onednn) {
    result.products.scratch_bytes = kernels::onednn::scratch_bytes();
  }
  result.registered_bytes = registered_bytes(case_, communicator_);
  // With one rank there is no communication to hide and no mode to choose.
  result.overlap_mode = case_.overlap.is_auto() ? config::OverlapMode::none : case_.overlap.mode;
  if (case_.overlaps()) {
    result.overlap = overlap_.result(series_.polling_seconds * 1e3 / iterations());
  }
  result.warm_up = warm_up_;
  result.step_ms_interval = median_interval(series_.step_ms);
  result.drift = drift_of(series_.step_ms);
  process_bytes_ = process_bytes();
  result.memory = memory_figures();
  result.rank_details = gather_details(own_detail(), communicator_);
  return result;
}

template <class T>
std::optional<std::int64_t> CaseMeasurement<T>::process_bytes() const {
  if (!run_.device_bytes_before) return growth_.peak();
  return *accelerator::bytes_in_use() - *run_.device_bytes_before;
}

template <class T>
MemoryFigures CaseMeasurement<T>::own_memory() const {
  MemoryFigures figures = memory_of(case_, tide_);
  figures.pool = static_cast<std::int64_t>(ledger_.pool_bytes());
  figures.parameters =
      static_cast<std::int64_t>(stack_.store().value_bytes() + stack_.table_bytes());
  figures.gradients = static_cast<std::int64_t>(stack_.store().gradient_bytes());
  figures.communication_buffers =
      static_cast<std::int64_t>(stack_.store().exchange_buffer_bytes()) +
      std::max(scratch_of_warm_up_, communicator_.scratch_bytes());
  return figures;
}

template <class T>
MemoryFigures CaseMeasurement<T>::memory_figures() {
  MemoryFigures figures = own_memory();
  figures.process = process_bytes_;
  figures.communication_library = communication_library_;
  take_largest(figures, communicator_);
  return figures;
}

template <class T>
RankDetail CaseMeasurement<T>::own_detail() const {
  return {run_.session.processor_name(),
          run_.device_identity,
          run_.threads,
          median_of(series_.own_step_ms),
          blocked_seconds(series_.counters) * 1e3 / iterations(),
          median_of(series_.own_gemm_gflops),
          static_cast<std::int64_t>(tide_.peak_bytes),
          process_bytes_,
          median_of(series_.own_busy_ms),
          run_.cores};
}

TIDEMARK_INSTANTIATE_CLASS(CaseMeasurement)

}  // namespace tidemark::bench
