#include "bench/case_measurement.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "base/accelerator.hpp"
#include "base/interruption.hpp"
#include "bench/audit.hpp"
#include "bench/checked_step.hpp"
#include "bench/device_buffers.hpp"
#include "bench/dump.hpp"
#include "bench/gather.hpp"
#include "bench/gradient_check.hpp"
#include "bench/statistics.hpp"
#include "bench/timeline.hpp"
#include "bench/tools.hpp"
#include "comm/ending.hpp"
#include "memory/allocations.hpp"
#include "memory/process.hpp"
#include "theory/flops.hpp"

namespace tidemark::bench {

namespace {

double blocked_seconds(const comm::Counters& counters) {
  double seconds = 0.0;
  for (const comm::Purpose purpose : comm::all_purposes) {
    seconds += counters.total(purpose).blocked_seconds;
  }
  return seconds;
}

}  // namespace

template <class T>
CaseMeasurement<T>::CaseMeasurement(const config::Case& c, const Environment& environment,
                                    comm::Communicator& communicator,
                                    std::optional<std::int64_t> communication_library)
    : case_(c),
      environment_(environment),
      communicator_(communicator),
      communication_library_(communication_library),
      pool_(segments_of(c, communicator)),
      ledger_(pool_),
      stack_(c, environment.device, ledger_, communicator),
      ablation_(stack_, environment.device, communicator),
      brake_(environment.slow_rank, communicator.rank()),
      product_rate_(stack_) {
  ablation_.brake_with(brake_);
}

template <class T>
void CaseMeasurement<T>::warm_up() {
  // On other data than the steps to come, so that data left over from these shows in the checks.
  const auto seed = static_cast<std::uint32_t>(case_.bench.seed);
  stack_.draw_data_with(~seed);
  for (std::int64_t i = 0; i < case_.bench.warmup; ++i) {
    announce(fmt::format("warm-up {}/{}", i + 1, case_.bench.warmup));
    ablation_.run(Variant::step);
  }
  if (case_.overlap.is_chosen() && communicator_.size() > 1) choose_mode();
  product_rate_.measure();
  // Twice: a variant may leave the pool cut up in a way that the next step has not met yet.
  for (int round = 0; round < 2 && case_.overlaps(); ++round) {
    for (const Variant variant : all_variants) ablation_.run(variant);
    product_rate_.measure();
  }
  stack_.draw_data_with(seed);
  // Without a warm-up the pool and the algorithms are still to be found.
  if (case_.bench.warmup == 0) ablation_.run(Variant::step);
  pool_after_warm_up_ = ledger_.pool_bytes();
}

template <class T>
void CaseMeasurement<T>::verify(Verification& verification) {
  announce("verifying the twin");
  verification.checks = check_twin(case_, environment_.device, communicator_);
  for (Check& gradient : check_gradients(case_, environment_.device, communicator_)) {
    verification.checks.push_back(std::move(gradient));
  }
  announce("checking a step of the full case");
  CheckedStep checked = run_checked_step(stack_);
  for (Check& check : checked.checks) verification.checks.push_back(std::move(check));
  reference_ = checked.digest;
}

template <class T>
void CaseMeasurement<T>::measure() {
  communicator_.reset_counters();
  const auto limit = static_cast<std::size_t>(case_.bench.max_iterations);
  std::size_t count = static_cast<std::size_t>(case_.bench.iterations);
  for (std::size_t i = 0; i < count; ++i) {
    announce(fmt::format("iteration {}/{}", i + 1, count));
    measure_once();
    if (i + 1 == count && count < limit && case_.overlaps() && !is_resolved()) ++count;
  }
}

template <class T>
void CaseMeasurement<T>::check(Verification& verification) {
  const auto add = [&](Check check) {
    verification.checks.push_back(worst_over_ranks(std::move(check), communicator_));
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
}

template <class T>
void CaseMeasurement<T>::dump(const std::filesystem::path& folder) {
  announce("writing the dump");
  dump_case(stack_, case_.model.micro_batch_size, folder);
}

template <class T>
void CaseMeasurement<T>::report(CaseResult& result) {
  result.step_ms = summarize(series_.step_ms);
  result.forward_ms = summarize(series_.forward_ms);
  result.backward_ms = summarize(series_.backward_ms);
  result.gemm_gflops = summarize(series_.gemm_gflops);
  result.model_flops_per_step = theory::model_flops_per_step(case_);
  result.launched_flops_per_rank = theory::launched_flops_per_step(case_);
  result.loss = loss_;
  result.calls = mean_calls(series_.counters, iterations(), communicator_);
  result.algorithms = communicator_.choices();
  result.registered_bytes = registered_bytes(case_, communicator_);
  // One rank has nothing to hide, nor to choose from.
  result.overlap_mode = case_.overlap.is_chosen() ? "none" : case_.overlap.mode;
  if (case_.overlaps()) result.overlap = overlap_result();
  process_bytes_ = process_bytes();
  result.memory = memory_figures();
  result.rank_details = gather_details(own_detail(), communicator_);
}

template <class T>
void CaseMeasurement<T>::trace(CaseResult& result) {
  announce("tracing a step");
  StepLog log;
  const StepTime time = ablation_.run(Variant::step, &log);
  StepTrace own{time.forward, time.backward, ledger_.history(), {}};
  own.slices = slices_of(log, ledger_.start());
  result.traces = gather_traces(own, communicator_);
}

template <class T>
void CaseMeasurement<T>::announce(const std::string& what) {
  communicator_.set_context(fmt::format("{} of case {}", what, case_.index + 1));
  if (environment_.progress) {
    environment_.progress(what);
  }
  const comm::Ending ending = comm::ending_of(communicator_);
  if (!ending.out_of_patience) return;
  throw Interrupted(fmt::format("{} at {} of case {}", Interruption::name_of(ending.signal_number),
                                what, case_.index + 1));
}

template <class T>
void CaseMeasurement<T>::choose_mode() {
  constexpr int rounds = 5;
  constexpr std::array modes{parallel::OverlapMode::none, parallel::OverlapMode::bulk,
                             parallel::OverlapMode::ring};
  std::vector<std::vector<double>> steps(modes.size());
  for (int round = 0; round < rounds; ++round) {
    for (std::size_t i = 0; i < modes.size(); ++i) {
      announce(fmt::format("choosing the overlap mode: {}", parallel::name_of(modes[i])));
      ablation_.choose(modes[i]);
      steps[i].push_back(slowest_ms(ablation_.run(Variant::step)));
    }
  }
  const parallel::OverlapMode best = modes[surely_fastest(steps)];
  ablation_.choose(best);
  case_.overlap.mode = parallel::name_of(best);
}

template <class T>
double CaseMeasurement<T>::slowest_ms(const StepTime& own) {
  std::array<double, 1> step{own.step() * 1e3};
  communicator_.max_over_ranks(step);
  return step[0];
}

template <class T>
bool CaseMeasurement<T>::is_resolved() {
  const OverlapFigures figures = overlap_of(series_.overlap);
  return !figures.is_meaningful || figures.is_resolved;
}

template <class T>
StepTime CaseMeasurement<T>::timed_step() {
  const std::uint64_t flops_before = environment_.device.gemm_flops;
  const comm::Counters calls_before = communicator_.counters();
  const double polling_before = communicator_.polling_seconds();
  if (reference_) fill_free_memory_with_nan(environment_.device, ledger_);
  StepDigest digest;
  const memory::AllocationWatch watch;
  const StepTime time = ablation_.run(Variant::step, nullptr, reference_ ? &digest : nullptr);
  if (series_.hidden_allocations == 0) series_.first_allocation = watch.first();
  series_.hidden_allocations += watch.count();
  series_.gemm_flops += environment_.device.gemm_flops - flops_before;
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
void CaseMeasurement<T>::measure_once() {
  if (case_.overlaps()) {
    measure_variants();
    if (series_.occupied_ms.size() < logged_steps) observe();
  } else {
    take_step(timed_step());
  }
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
  series_.forward_ms.push_back(slowest[1] * 1e3);
  series_.backward_ms.push_back(slowest[2] * 1e3);
  return series_.step_ms.back();
}

template <class T>
void CaseMeasurement<T>::measure_variants() {
  std::array<Variant, all_variants.size()> order = all_variants;
  if (series_.overlap.size() % 2 == 1) std::reverse(order.begin(), order.end());
  for (const Variant variant : order) {
    if (variant == Variant::step) {
      series_.overlap.step.push_back(take_step(timed_step()));
      continue;
    }
    const double ms = slowest_ms(ablation_.run(variant));
    (variant == Variant::serial    ? series_.overlap.serial
     : variant == Variant::compute ? series_.overlap.compute
                                   : series_.overlap.comm)
        .push_back(ms);
  }
}

template <class T>
void CaseMeasurement<T>::observe() {
  log_.clear();
  ablation_.run(Variant::step, &log_);
  series_.occupied_ms.push_back(occupied_seconds(log_) * 1e3);
  series_.intersect_ms.push_back(overlapped_seconds(log_) * 1e3);
}

template <class T>
OverlapResult CaseMeasurement<T>::overlap_result() {
  OverlapResult overlap;
  overlap.samples = series_.overlap;
  overlap.figures = overlap_of(series_.overlap);
  std::array<double, 2> most{median_of(series_.occupied_ms),
                             series_.polling_seconds * 1e3 / iterations()};
  communicator_.max_over_ranks(most);
  std::array<double, 1> least{median_of(series_.intersect_ms)};
  communicator_.min_over_ranks(least);
  overlap.timeline_exposed_ms = most[0];
  overlap.polling_ms = most[1];
  overlap.intersect_ms = least[0];
  if (const std::string tool = fencing_tool(); !tool.empty()) {
    overlap.void_because = fmt::format("{} fences every kernel", tool);
    overlap.figures.efficiency.reset();
    overlap.figures.interval.reset();
  }
  return overlap;
}

template <class T>
std::optional<std::int64_t> CaseMeasurement<T>::process_bytes() const {
  if (!environment_.device_bytes_before) return memory::process_peak_bytes();
  return *accelerator::bytes_in_use() - *environment_.device_bytes_before;
}

template <class T>
MemoryFigures CaseMeasurement<T>::memory_figures() {
  MemoryFigures figures = memory_of(case_, tide_);
  figures.pool = static_cast<std::int64_t>(ledger_.pool_bytes());
  figures.parameters =
      static_cast<std::int64_t>(stack_.store().value_bytes() + stack_.table_bytes());
  figures.gradients = static_cast<std::int64_t>(stack_.store().gradient_bytes());
  figures.communication_buffers = static_cast<std::int64_t>(stack_.store().exchange_buffer_bytes());
  figures.process = process_bytes_;
  figures.communication_library = communication_library_;
  take_largest(figures, communicator_);
  return figures;
}

template <class T>
RankDetail CaseMeasurement<T>::own_detail() const {
  return {environment_.session.processor_name(),
          environment_.device_identity,
          environment_.threads,
          median_of(series_.own_step_ms),
          blocked_seconds(series_.counters) * 1e3 / iterations(),
          median_of(series_.own_gemm_gflops),
          static_cast<std::int64_t>(tide_.peak_bytes),
          process_bytes_,
          median_of(series_.own_busy_ms),
          environment_.cores};
}

template class CaseMeasurement<bfloat16>;
template class CaseMeasurement<float>;
template class CaseMeasurement<double>;

}  // namespace tidemark::bench
