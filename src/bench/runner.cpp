#include "bench/runner.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/accelerator.hpp"
#include "base/interruption.hpp"
#include "bench/ablation.hpp"
#include "bench/audit.hpp"
#include "bench/capacity.hpp"
#include "bench/device_buffers.hpp"
#include "bench/dump.hpp"
#include "bench/gather.hpp"
#include "bench/gradient_check.hpp"
#include "bench/product_rate.hpp"
#include "bench/step.hpp"
#include "bench/tools.hpp"
#include "comm/emulated_link.hpp"
#include "comm/ending.hpp"
#include "comm/factory.hpp"
#include "memory/allocations.hpp"
#include "memory/process.hpp"
#include "theory/flops.hpp"

namespace tidemark::bench {

namespace {

std::optional<std::int64_t> device_bytes_in_use() {
  const auto memory = accelerator::memory();
  return memory ? std::optional(static_cast<std::int64_t>(memory->used)) : std::nullopt;
}

/// What this rank measured, iteration by iteration.
struct Series {
  std::vector<double> own_step_ms;
  std::vector<double> own_busy_ms;                       ///< without what this rank was blocked for
  std::vector<double> step_ms, forward_ms, backward_ms;  ///< of the slowest rank
  std::vector<double> own_gemm_gflops;
  std::vector<double> gemm_gflops;  ///< mean over ranks
  comm::Counters counters;          ///< of the timed steps
  OverlapSamples overlap;
  std::vector<double> occupied_ms;   ///< this rank inside the communicator, step by step
  std::vector<double> intersect_ms;  ///< this rank's kernels beside communication, likewise
  double polling_seconds = 0.0;
  std::uint64_t gemm_flops = 0;         ///< of all timed steps
  std::int64_t hidden_allocations = 0;  ///< in all timed steps
  std::string first_allocation;
};

double blocked_seconds(const comm::Counters& counters) {
  double seconds = 0.0;
  for (const comm::Purpose purpose : comm::all_purposes) {
    seconds += counters.total(purpose).blocked_seconds;
  }
  return seconds;
}

template <class T>
class Runner {
 public:
  /// `communication_library`: what making the communicator took of the device.
  Runner(const config::Case& c, const Environment& environment, comm::Communicator& communicator,
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

  void warm_up() {
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
    pool_after_warm_up_ = ledger_.pool_bytes();
  }

  /// `iterations` steps; where overlap is measured, more of them until it is resolved.
  void measure() {
    communicator_.reset_counters();
    const auto limit = static_cast<std::size_t>(case_.bench.max_iterations);
    std::size_t count = static_cast<std::size_t>(case_.bench.iterations);
    for (std::size_t i = 0; i < count; ++i) {
      announce(fmt::format("iteration {}/{}", i + 1, count));
      measure_once();
      if (i + 1 == count && count < limit && case_.overlaps() && !is_resolved()) ++count;
    }
  }

  void check(Verification& verification) {
    announce("checking the full case");
    const auto add = [&](Check check) {
      verification.checks.push_back(worst_over_ranks(std::move(check), communicator_));
    };
    const int steps = iterations();
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

  /// One more step, with its tide and its timeline.
  void trace(CaseResult& result) {
    announce("tracing a step");
    StepLog log;
    const StepTime time = ablation_.run(Variant::step, &log);
    StepTrace own{time.forward, time.backward, ledger_.history(), {}};
    own.slices = slices_of(log, ledger_.start());
    result.traces = gather_traces(own, communicator_);
  }

 private:
  void announce(const std::string& what) {
    communicator_.set_context(fmt::format("{} of case {}", what, case_.index + 1));
    if (environment_.progress) {
      environment_.progress(what);
    }
    const comm::Ending ending = comm::ending_of(communicator_);
    if (!ending.out_of_patience) return;
    throw Interrupted(fmt::format(
        "{} at {} of case {}", Interruption::name_of(ending.signal_number), what, case_.index + 1));
  }

  [[nodiscard]] int iterations() const { return static_cast<int>(series_.step_ms.size()); }

  /// The fastest of all modes, each measured several times in turn; none where no other surely is.
  void choose_mode() {
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

  /// The step of the slowest rank.
  [[nodiscard]] double slowest_ms(const StepTime& own) {
    std::array<double, 1> step{own.step() * 1e3};
    communicator_.max_over_ranks(step);
    return step[0];
  }

  [[nodiscard]] bool is_resolved() {
    const OverlapFigures figures = overlap_of(series_.overlap);
    return !figures.is_meaningful || figures.is_resolved;
  }

  StepTime timed_step() {
    const std::uint64_t flops_before = environment_.device.gemm_flops;
    const comm::Counters calls_before = communicator_.counters();
    const double polling_before = communicator_.polling_seconds();
    const memory::AllocationWatch watch;
    const StepTime time = ablation_.run(Variant::step);
    if (series_.hidden_allocations == 0) series_.first_allocation = watch.first();
    series_.hidden_allocations += watch.count();
    series_.gemm_flops += environment_.device.gemm_flops - flops_before;
    const comm::Counters calls = communicator_.counters().since(calls_before);
    series_.counters.add(calls);
    series_.own_busy_ms.push_back((time.step() - blocked_seconds(calls)) * 1e3);
    series_.polling_seconds += communicator_.polling_seconds() - polling_before;
    tide_ = ledger_.tide();
    loss_ = stack_.loss();
    return time;
  }

  void measure_once() {
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

  double take_step(const StepTime& own) {
    std::array<double, 3> slowest{own.step(), own.forward, own.backward};
    communicator_.max_over_ranks(slowest);
    series_.own_step_ms.push_back(own.step() * 1e3);
    series_.step_ms.push_back(slowest[0] * 1e3);
    series_.forward_ms.push_back(slowest[1] * 1e3);
    series_.backward_ms.push_back(slowest[2] * 1e3);
    return series_.step_ms.back();
  }

  /// One quadruple. Every other one runs backwards, lest what comes first have it better.
  void measure_variants() {
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

  /// One more step, for the timeline alone: on a device the events that it takes have their price.
  void observe() {
    log_.clear();
    ablation_.run(Variant::step, &log_);
    series_.occupied_ms.push_back(occupied_seconds(log_) * 1e3);
    series_.intersect_ms.push_back(overlapped_seconds(log_) * 1e3);
  }

  OverlapResult overlap_result() {
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

  /// Of the process where the kernels run on the host. Of a device, what has come to be in use
  /// since before the first case: all that a case holds, it still holds when it has been measured.
  [[nodiscard]] std::optional<std::int64_t> process_bytes() const {
    if (!environment_.device_bytes_before) return memory::process_peak_bytes();
    return *device_bytes_in_use() - *environment_.device_bytes_before;
  }

  MemoryFigures memory_figures() {
    MemoryFigures figures = memory_of(case_, tide_);
    figures.pool = static_cast<std::int64_t>(ledger_.pool_bytes());
    figures.parameters =
        static_cast<std::int64_t>(stack_.store().value_bytes() + stack_.table_bytes());
    figures.gradients = static_cast<std::int64_t>(stack_.store().gradient_bytes());
    figures.communication_buffers =
        static_cast<std::int64_t>(stack_.store().exchange_buffer_bytes());
    figures.process = process_bytes_;
    figures.communication_library = communication_library_;
    take_largest(figures, communicator_);
    return figures;
  }

  [[nodiscard]] RankDetail own_detail() const {
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

  static constexpr std::size_t logged_steps = 5;

  config::Case case_;  ///< with the overlap mode that was chosen
  const Environment& environment_;
  comm::Communicator& communicator_;
  std::optional<std::int64_t> communication_library_;
  memory::Pool pool_;
  memory::Ledger ledger_;
  model::Stack<T> stack_;
  Ablation<T> ablation_;
  Brake brake_;
  StepLog log_;
  std::optional<double> loss_;
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

comm::CommunicatorOptions options_of(const config::Case& c, const Device& device) {
  comm::CommunicatorOptions options = options_on(device);
  options.backend = c.comm.backend;
  options.ranks = static_cast<int>(c.parallel.tensor);
  options.timeout = std::chrono::duration<double>(c.bench.timeout_s);
  options.algorithm = c.comm.algorithm;
  options.progress_thread = c.overlaps() && c.overlap.progress == "thread";
  options.completes_on_host = c.emulated_link.is_emulated();
  options.register_buffers = c.comm.register_buffers;
  return options;
}

template <class T>
void run_in(const config::Case& c, const Environment& environment, comm::Communicator& communicator,
            std::optional<std::int64_t> communication_library,
            const std::optional<std::filesystem::path>& dump_folder, CaseResult& result) {
  Runner<T> runner(c, environment, communicator, communication_library);
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

/// What kernels can still allocate, and how many of the node's ranks have to share that.
std::pair<std::optional<std::int64_t>, int> available_memory(const comm::MpiSession& session) {
  if (runs_on_host) return {memory::available_node_bytes(), session.local_size()};
  const auto memory = accelerator::memory();
  return {memory ? std::optional(static_cast<std::int64_t>(memory->free)) : std::nullopt, 1};
}

}  // namespace

CaseResult run_case(const config::Case& c, const Environment& environment,
                    const std::optional<std::filesystem::path>& dump_folder) {
  const std::optional<std::int64_t> before = device_bytes_in_use();
  const auto transport = comm::make_communicator(options_of(c, environment.device));
  std::unique_ptr<comm::Communicator> link;
  if (c.emulated_link.is_emulated()) {
    link = std::make_unique<comm::EmulatedLink>(*transport, c.emulated_link);
  }
  comm::Communicator* const communicator = link ? link.get() : transport.get();
  communicator->set_context(fmt::format("set-up of case {}", c.index + 1));
  const bool mark_is_new = memory::reset_process_peak() || c.index == 0;
  communicator->barrier();  // the node's other ranks have given their free memory back, too
  const auto communication_library =
      before ? std::optional(*device_bytes_in_use() - *before) : std::nullopt;
  const auto [available, sharing] = available_memory(environment.session);
  require_capacity(c, available, sharing, *communicator);
  CaseResult result;
  result.settings = c;
  result.ranks = communicator->size();
  result.backend = communicator->name();
  result.slow_rank = environment.slow_rank;
  result.transport = communicator->transport();
  communicator->set_overlapping(c.overlaps());
  environment.device.rounds_to_tf32 = c.tensor_float;
  if (c.bench.verify) {
    communicator->set_context(fmt::format("twin of case {}", c.index + 1));
    if (environment.progress) {
      environment.progress("verifying the twin");
    }
    result.verification.checks = check_twin(c, environment.device, *communicator);
    result.verification.checks.push_back(check_gradient(c, environment.device, *communicator));
  }
  with_scalar_of(c.precision, [&](auto scalar) {
    run_in<decltype(scalar)>(c, environment, *communicator, communication_library, dump_folder,
                             result);
  });
  communicator->fence();  // or who could not take the activations' memory back would go unheard
  if (!mark_is_new && runs_on_host) {
    forget_process_bytes(result);
  }
  return result;
}

}  // namespace tidemark::bench
