// SPDX-License-Identifier: BSD-3-Clause
#include "bench/case/case_measurement.hpp"

#include <array>
#include <utility>

#include <fmt/format.h>

#include "base/interruption.hpp"
#include "base/scalars.hpp"
#include "bench/case/dump.hpp"
#include "bench/gather.hpp"
#include "bench/kernel_buffers.hpp"
#include "bench/statistics.hpp"
#include "bench/step/timeline.hpp"
#include "bench/verify/audit.hpp"
#include "bench/verify/checked_step.hpp"
#include "bench/verify/gradient_check.hpp"
#include "comm/ending.hpp"
#include "memory/allocations.hpp"

namespace tidemark::bench {

template <class T>
CaseMeasurement<T>::CaseMeasurement(const config::Case& c, const RunContext& run,
                                    comm::Communicator& communicator,
                                    std::optional<std::int64_t> communication_library)
    : case_(c),
      run_(run),
      communicator_(communicator),
      communication_library_(communication_library),
      pool_(segments_of(c, communicator)),
      ledger_(pool_),
      stack_(c, run.device, ledger_, communicator),
      variants_(stack_, run.device, communicator),
      brake_(run.slow_rank, communicator.rank()),
      overlap_(variants_, communicator),
      product_rate_(stack_),
      ceiling_(c, communicator) {
  variants_.brake_with(brake_);
}

// Before the first step, because the first products of a library set up its memory.
template <class T>
void CaseMeasurement<T>::choose_products() {
  products_.library = run_.device.products.library;
  const std::vector<ProductLibrary> candidates = candidates_of(case_);
  if (candidates.size() < 2) return;
  announce("choosing the library of products");
  products_ = fastest_of(candidates, communicator_, [this](ProductLibrary library) {
    run_.device.products.library = library;
    product_rate_.expect_another_rate();
    return product_rate_.measure();
  });
  run_.device.products.library = products_.library;
  product_rate_.expect_another_rate();
  pool_.release_all();  // the layout of its segments would be that of these products
}

template <class T>
void CaseMeasurement<T>::warm_up() {
  choose_products();
  communicator_.release_scratch();  // so that needs of earlier cases do not count
  // Warm-up uses other data, so that its remains show in the checks of later steps.
  const auto seed = static_cast<std::uint32_t>(case_.bench.seed);
  stack_.draw_data_with(~seed);
  const auto announced = [this](const std::string& what) { announce(what); };
  warm_up_ = bench::warm_up(case_.bench, communicator_, announced,
                            [this] { variants_.run(Variant::step); });
  if (case_.overlap.is_auto() && communicator_.size() > 1) {
    case_.overlap.mode = parallel::setting_of(overlap_.choose_mode(announced));
  }
  product_rate_.measure();
  ceiling_.measure();
  if (case_.overlaps()) overlap_.take_untimed([this] { product_rate_.measure(); });
  stack_.draw_data_with(seed);
  pool_after_warm_up_ = ledger_.pool_bytes();
  scratch_of_warm_up_ = communicator_.scratch_bytes();
}

template <class T>
std::vector<Check> CaseMeasurement<T>::verify() {
  announce("verifying the twin");
  std::vector<Check> checks = check_twin(case_, run_.device, communicator_);
  append(checks, check_gradients(case_, run_.device, communicator_));
  announce("checking a step of the full case");
  communicator_.release_scratch();  // the twin's memory
  CheckedStep checked = run_checked_step(stack_);
  append(checks, std::move(checked.checks));
  reference_ = checked.digest;
  return checks;
}

template <class T>
void CaseMeasurement<T>::measure() {
  communicator_.reset_counters();
  growth_.begin();
  for (std::string next = next_iteration(); !next.empty(); next = next_iteration()) {
    announce(next);
    if (case_.overlaps()) {
      overlap_.take_tuple([this] { return measure_step(); });
    } else {
      measure_step();
    }
  }
  growth_.end();
  ceiling_.measure();
}

template <class T>
std::string CaseMeasurement<T>::next_iteration() const {
  const config::BenchConfig& bench = case_.bench;
  const int next = iterations() + 1;
  if (next <= bench.iterations) return fmt::format("iteration {}/{}", next, bench.iterations);
  if (series_.measured_seconds < bench.min_seconds) {
    return fmt::format("iteration {}, {:.0f} s of {:g}", next, series_.measured_seconds,
                       bench.min_seconds);
  }
  if (next > bench.max_iterations || !case_.overlaps() || overlap_.is_resolved()) return "";
  return fmt::format("iteration {}/{}, until the overlap efficiency is resolved", next,
                     bench.max_iterations);
}

template <class T>
std::vector<Check> CaseMeasurement<T>::check() {
  std::vector<Check> checks;
  const auto add = [&](Check check) {
    checks.push_back(worst_over_ranks(std::move(check), communicator_));
  };
  const int steps = iterations();
  add(check_saved(case_, tide_));
  add(check_traffic(case_, series_.counters, steps));
  add(check_flops(case_, series_.gemm_flops / static_cast<std::uint64_t>(steps)));
  add({"pool_growth_after_warm_up", static_cast<double>(ledger_.pool_bytes() - pool_after_warm_up_),
       0.0, ""});
  add({"allocations_within_steps", static_cast<double>(series_.hidden_allocations), 0.0,
       series_.first_allocation});
  add({"timed_steps_that_differ", static_cast<double>(series_.steps_that_differ), 0.0,
       series_.first_difference});
  const std::optional<std::int64_t> growth = growth_.bytes();
  std::array<double, 1> all_know{growth ? 1.0 : 0.0};
  communicator_.min_over_ranks(all_know);
  if (all_know[0] > 0.0) {
    const MemoryFigures own = own_memory();
    add(check_process_growth(
        *growth, own.parameters + own.gradients + *own.pool + own.communication_buffers));
  }
  return checks;
}

template <class T>
void CaseMeasurement<T>::dump(const std::filesystem::path& folder) {
  announce("writing the dump");
  dump_case(stack_, case_.model.micro_batch_size, folder);
}

template <class T>
std::vector<StepTrace> CaseMeasurement<T>::trace() {
  announce("tracing a step");
  StepLog log;
  const StepTime time = variants_.run(Variant::step, &log);
  StepTrace own{time.forward, time.backward, ledger_.history(), {}};
  own.slices = slices_of(log, ledger_.start());
  return gather_traces(own, communicator_);
}

template <class T>
void CaseMeasurement<T>::announce(const std::string& what) {
  communicator_.set_context(fmt::format("{} of case {}", what, case_.index + 1));
  if (run_.progress) {
    run_.progress(what);
  }
  const comm::Ending ending = comm::ending_of(communicator_);
  if (!ending.out_of_patience) return;
  throw Interrupted(fmt::format("{} at {} of case {}", Interruption::name_of(ending.signal_number),
                                what, case_.index + 1));
}

template <class T>
StepTime CaseMeasurement<T>::timed_step() {
  const std::uint64_t flops_before = run_.device.gemm_flops;
  const comm::Counters calls_before = communicator_.counters();
  const double polling_before = communicator_.polling_seconds();
  if (reference_) fill_free_memory_with_nan(run_.device, ledger_);
  StepDigest digest;
  const memory::AllocationWatch watch;
  const StepTime time = variants_.run(Variant::step, nullptr, reference_ ? &digest : nullptr);
  if (series_.hidden_allocations == 0) series_.first_allocation = watch.first();
  series_.hidden_allocations += watch.count();
  series_.gemm_flops += run_.device.gemm_flops - flops_before;
  const comm::Counters calls = communicator_.counters().since(calls_before);
  series_.counters.add(calls);
  series_.own_busy_ms.push_back((time.step() - blocked_seconds(calls)) * 1e3);
  series_.polling_seconds += communicator_.polling_seconds() - polling_before;
  tide_ = ledger_.tide();
  loss_ = stack_.loss();
  if (reference_) compare_with_reference(digest);
  return time;
}

template <class T>
void CaseMeasurement<T>::compare_with_reference(const StepDigest& digest) {
  const std::string difference =
      difference_between(*reference_, digest, steps_repeat_exactly, tolerance_of(case_));
  if (difference.empty()) return;
  if (series_.steps_that_differ++ == 0) {
    series_.first_difference = fmt::format("{} of timed step {} on rank {}", difference,
                                           iterations() + 1, communicator_.rank());
  }
}

template <class T>
double CaseMeasurement<T>::measure_step() {
  const double ms = take_step(timed_step());
  measure_product_rate();
  return ms;
}

template <class T>
void CaseMeasurement<T>::measure_product_rate() {
  std::array<double, 1> rate{product_rate_.measure()};
  series_.own_gemm_gflops.push_back(rate[0]);
  communicator_.sum_over_ranks(rate);
  series_.gemm_gflops.push_back(rate[0] / communicator_.size());
}

template <class T>
double CaseMeasurement<T>::take_step(const StepTime& own) {
  std::array<double, 3> slowest{own.step(), own.forward, own.backward};
  communicator_.max_over_ranks(slowest);
  series_.own_step_ms.push_back(own.step() * 1e3);
  series_.step_ms.push_back(slowest[0] * 1e3);
  series_.measured_seconds += slowest[0];
  series_.forward_ms.push_back(slowest[1] * 1e3);
  series_.backward_ms.push_back(slowest[2] * 1e3);
  return series_.step_ms.back();
}

TIDEMARK_INSTANTIATE_CLASS(CaseMeasurement)

}  // namespace tidemark::bench
