#include "bench/runner.hpp"

#include <array>
#include <chrono>
#include <memory>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "bench/audit.hpp"
#include "bench/capacity.hpp"
#include "bench/dump.hpp"
#include "bench/gather.hpp"
#include "bench/gradient_check.hpp"
#include "bench/product_rate.hpp"
#include "bench/step.hpp"
#include "comm/factory.hpp"
#include "memory/allocations.hpp"
#include "memory/process.hpp"
#include "theory/flops.hpp"

namespace tidemark::bench {

namespace {

/// What this rank measured, iteration by iteration.
struct Series {
  std::vector<double> own_step_ms;
  std::vector<double> step_ms, forward_ms, backward_ms;  ///< of the slowest rank
  std::vector<double> own_gemm_gflops;
  std::vector<double> gemm_gflops;  ///< mean over ranks
  comm::Counters counters;
  std::uint64_t gemm_flops = 0;         ///< of all timed steps
  std::int64_t hidden_allocations = 0;  ///< in all timed steps
  std::string first_allocation;
};

template <class T>
class Runner {
 public:
  Runner(const config::Case& c, const Environment& environment, comm::Communicator& communicator)
      : case_(c),
        environment_(environment),
        communicator_(communicator),
        ledger_(pool_),
        stack_(c, environment.device, ledger_, communicator),
        product_rate_(stack_) {}

  void warm_up() {
    for (std::int64_t i = 0; i < case_.bench.warmup; ++i) {
      announce(fmt::format("warm-up {}/{}", i + 1, case_.bench.warmup));
      run_step(stack_);
    }
    product_rate_.measure();
    pool_after_warm_up_ = ledger_.pool_bytes();
  }

  void measure() {
    communicator_.reset_counters();
    for (std::int64_t i = 0; i < case_.bench.iterations; ++i) {
      announce(fmt::format("iteration {}/{}", i + 1, case_.bench.iterations));
      measure_once();
    }
    series_.counters = communicator_.counters();
  }

  void check(Verification& verification) {
    announce("checking the full case");
    const auto add = [&](Check check) {
      verification.checks.push_back(worst_over_ranks(std::move(check), communicator_));
    };
    const int steps = static_cast<int>(case_.bench.iterations);
    add(check_saved(case_, tide_));
    add(check_traffic(case_, series_.counters, steps));
    add(check_flops(case_, series_.gemm_flops / static_cast<std::uint64_t>(steps)));
    add({"pool_growth_after_warm_up",
         static_cast<double>(ledger_.pool_bytes() - pool_after_warm_up_), 0.0, ""});
    add({"allocations_within_steps", static_cast<double>(series_.hidden_allocations), 0.0,
         series_.first_allocation});
    for (Check& full : check_full_case(stack_)) {
      verification.checks.push_back(std::move(full));
    }
  }

  void dump(const std::filesystem::path& folder) {
    announce("writing the dump");
    dump_case(stack_, case_.model.micro_batch_size, folder);
  }

  void report(CaseResult& result) {
    result.step_ms = summarize(series_.step_ms);
    result.forward_ms = summarize(series_.forward_ms);
    result.backward_ms = summarize(series_.backward_ms);
    result.gemm_gflops = summarize(series_.gemm_gflops);
    result.model_flops_per_step = theory::model_flops_per_step(case_);
    result.launched_flops_per_rank = theory::launched_flops_per_step(case_);
    result.loss = stack_.loss();
    result.calls =
        mean_calls(series_.counters, static_cast<int>(case_.bench.iterations), communicator_);
    process_bytes_ = memory::process_peak_bytes();
    result.memory = memory_figures();
    result.rank_details = gather_details(own_detail(), communicator_);
  }

  /// One more step, with its tide.
  void trace(CaseResult& result) {
    announce("tracing a step");
    const StepTime time = run_step(stack_);
    result.traces = gather_traces({time.forward, time.backward, ledger_.history()}, communicator_);
  }

 private:
  void announce(const std::string& what) {
    communicator_.set_context(fmt::format("{} of case {}", what, case_.index + 1));
    if (environment_.progress) {
      environment_.progress(what);
    }
  }

  StepTime timed_step() {
    const memory::AllocationWatch watch;
    const StepTime time = run_step(stack_);
    if (series_.hidden_allocations == 0) series_.first_allocation = watch.first();
    series_.hidden_allocations += watch.count();
    return time;
  }

  void measure_once() {
    const std::uint64_t flops_before = environment_.device.gemm_flops;
    const StepTime own = timed_step();
    series_.gemm_flops += environment_.device.gemm_flops - flops_before;
    tide_ = ledger_.tide();

    std::array<double, 3> slowest{own.step(), own.forward, own.backward};
    communicator_.max_over_ranks(slowest);
    series_.own_step_ms.push_back(own.step() * 1e3);
    series_.step_ms.push_back(slowest[0] * 1e3);
    series_.forward_ms.push_back(slowest[1] * 1e3);
    series_.backward_ms.push_back(slowest[2] * 1e3);

    std::array<double, 1> rate{product_rate_.measure()};
    series_.own_gemm_gflops.push_back(rate[0]);
    communicator_.sum_over_ranks(rate);
    series_.gemm_gflops.push_back(rate[0] / communicator_.size());
  }

  MemoryFigures memory_figures() {
    MemoryFigures figures = memory_of(case_, tide_);
    figures.pool = static_cast<std::int64_t>(ledger_.pool_bytes());
    figures.parameters = static_cast<std::int64_t>(stack_.store().value_bytes());
    figures.gradients = static_cast<std::int64_t>(stack_.store().gradient_bytes());
    figures.process = process_bytes_;
    take_largest(figures, communicator_);
    return figures;
  }

  [[nodiscard]] RankDetail own_detail() const {
    double blocked = 0.0;
    for (const comm::Purpose purpose : comm::all_purposes) {
      blocked += series_.counters.total(purpose).blocked_seconds;
    }
    return {environment_.session.processor_name(),
            environment_.device_name,
            environment_.threads,
            median_of(series_.own_step_ms),
            blocked * 1e3 / static_cast<double>(case_.bench.iterations),
            median_of(series_.own_gemm_gflops),
            static_cast<std::int64_t>(tide_.peak_bytes),
            process_bytes_};
  }

  const config::Case& case_;
  const Environment& environment_;
  comm::Communicator& communicator_;
  memory::Pool pool_;
  memory::Ledger ledger_;
  model::Stack<T> stack_;
  ProductRate<T> product_rate_;
  std::size_t pool_after_warm_up_ = 0;
  Series series_;
  memory::Tide tide_;
  std::optional<std::int64_t> process_bytes_;
};

// The high-water mark of an earlier, larger case is not this one's.
void forget_process_bytes(CaseResult& result) {
  result.memory.process.reset();
  for (RankDetail& detail : result.rank_details) {
    detail.process_bytes.reset();
  }
}

template <class T>
void run_in(const config::Case& c, const Environment& environment, comm::Communicator& communicator,
            const std::optional<std::filesystem::path>& dump_folder, CaseResult& result) {
  Runner<T> runner(c, environment, communicator);
  runner.warm_up();
  runner.measure();
  if (c.bench.verify) {
    runner.check(result.verification);
  }
  runner.report(result);
  if (environment.trace) {
    runner.trace(result);
  }
  if (dump_folder) {
    runner.dump(*dump_folder);
  }
}

}  // namespace

CaseResult run_case(const config::Case& c, const Environment& environment,
                    const std::optional<std::filesystem::path>& dump_folder) {
  const auto communicator =
      comm::make_communicator({c.comm.backend, static_cast<int>(c.parallel.tensor),
                               std::chrono::duration<double>(c.bench.timeout_s)});
  communicator->set_context(fmt::format("set-up of case {}", c.index + 1));
  const bool mark_is_new = memory::reset_process_peak() || c.index == 0;
  communicator->barrier();  // the node's other ranks have given their free memory back, too
  require_capacity(c, runs_on_host ? memory::available_node_bytes() : std::nullopt,
                   environment.session.local_size(), *communicator);
  CaseResult result;
  result.settings = c;
  result.ranks = communicator->size();
  result.backend = communicator->name();
  if (c.bench.verify) {
    communicator->set_context(fmt::format("twin of case {}", c.index + 1));
    if (environment.progress) {
      environment.progress("verifying the twin");
    }
    result.verification.checks = check_twin(c, environment.device, *communicator);
    result.verification.checks.push_back(check_gradient(c, environment.device, *communicator));
  }
  with_scalar_of(c.precision, [&](auto scalar) {
    run_in<decltype(scalar)>(c, environment, *communicator, dump_folder, result);
  });
  if (!mark_is_new) {
    forget_process_bytes(result);
  }
  return result;
}

}  // namespace tidemark::bench
