// SPDX-License-Identifier: BSD-3-Clause
#include "commands/run.hpp"

#include <unistd.h>

#include <cstdlib>
#include <exception>
#include <numeric>

#include <fmt/format.h>

#include "base/interruption.hpp"
#include "bench/case/communicator_options.hpp"
#include "bench/case/host_threads.hpp"
#include "bench/case/products.hpp"
#include "bench/case/runner.hpp"
#include "comm/ending.hpp"
#include "comm/places.hpp"
#include "comm/rank_zero.hpp"
#include "commands/outputs.hpp"
#include "commands/progress.hpp"
#include "commands/screen.hpp"
#include "config/reader.hpp"
#include "config/sweep.hpp"
#include "job/launch.hpp"
#include "job/placement.hpp"
#include "kernels/gemm.hpp"
#include "report/overlap_lines.hpp"
#include "report/print.hpp"
#include "report/product_lines.hpp"
#include "report/provenance.hpp"
#include "report/table.hpp"

namespace tidemark::commands {

namespace {

constexpr std::size_t tide_table_lines = 8;

void require_ranks(const std::vector<config::Case>& cases, int ranks) {
  for (const config::Case& c : cases) {
    if (c.parallel.tensor != ranks) {
      throw InputError(fmt::format("{}: parallel.tensor: {} needs {} ranks, but this job has {}",
                                   c.locate("parallel.tensor"), c.parallel.tensor,
                                   c.parallel.tensor, ranks));
    }
  }
}

// Checked here, because src/config does not know how products are formed.
void require_precisions(const std::vector<config::Case>& cases) {
  for (const config::Case& c : cases) {
    if (c.tensor_float && !kernels::rounds_to_tf32) {
      throw InputError(
          fmt::format("{}: precision: tf32 needs a Kokkos on CUDA, but this one is on {}",
                      c.locate("precision"), ExecutionSpace::name()));
    }
    bench::require_products(c);
  }
}

/// The device of this rank. No other rank of the node may use it, unless it is the host.
accelerator::Identity own_device(comm::Communicator& world, const job::MpiSession& session) {
  accelerator::Identity own = accelerator::identity();
  const auto hosts = world.gather_bytes(session.processor_name());
  const auto uuids = world.gather_bytes(own.uuid);
  std::vector<accelerator::Place> places;
  for (std::size_t rank = 0; rank < hosts.size(); ++rank) {
    places.push_back({hosts[rank], uuids[rank]});
  }
  if (const std::string line = accelerator::describe_sharing(places); !line.empty()) {
    throw RunError(line, Scope::all_ranks);
  }
  if (own.name.empty()) own.name = report::processor_model();
  return own;
}

/// The placement: places of all ranks, and what is wrong with them. All ranks are one tensor group.
job::Placement find_placement(job::Place own, const accelerator::Identity& identity,
                              comm::Communicator& world) {
  own.threads = bench::cpus_of_threads();
  own.devices = accelerator::count_visible();
  own.device_uuid = identity.uuid;
  own.device_pci_id = identity.pci_id;
  own.device_numa_node = job::numa_node_of_device(identity.pci_id);
  std::vector<int> group(static_cast<std::size_t>(world.size()));
  std::iota(group.begin(), group.end(), 0);
  return job::judge(comm::gather_places(own, world), {group});
}

std::string title(const std::vector<config::Case>& cases, const job::MpiSession& session,
                  int threads, const job::Placement& placement) {
  return fmt::format("{}; {} rank{} of {} thread{} on {}\n{}{}\n", report::shape_of(cases.front()),
                     session.size(), session.size() == 1 ? "" : "s", threads,
                     threads == 1 ? "" : "s", session.processor_name(),
                     report::padding_lines(cases), job::placement_lines(placement));
}

/// The text of the line for a job that was asked to end.
std::string end_line(std::size_t done, std::size_t all, const RunArguments& arguments) {
  const std::string go_on = arguments.output && done < all
                                ? fmt::format("; --resume with {} goes on", *arguments.output)
                                : "";
  return fmt::format("{} of {} case{} done, {} left{}", done, all, all == 1 ? "" : "s", all - done,
                     go_on);
}

void end_where_asked(comm::Communicator& world, const std::string& line) {
  const comm::Ending ending = comm::ending_of(world);
  if (!ending.is_asked_for()) return;
  throw Interrupted(fmt::format("{}: {}", Interruption::name_of(ending.signal_number), line));
}

/// Prints everything that the table says of a case, and collects what follows the table.
void show(const std::vector<config::Case>& cases, const bench::CaseResult& result, Tides& tides) {
  tides.screen.print(report::table_row(cases, result) + report::failure_lines(result) +
                     report::drift_line(result) + report::disturbance_line(result) +
                     report::transport_line(result) + report::network_line(result) +
                     report::overlap_lines(result));
  tides.text += fmt::format("\n{}", report::tide_lines(result, tide_table_lines));
  tides.text += fmt::format("Products of {}:\n{}{}", report::mode_of(result.settings),
                            report::products_line(result), report::utilisation_line(result));
  if (const std::string chosen = report::algorithm_lines(result); !chosen.empty()) {
    tides.text +=
        fmt::format("Fastest algorithms of {}:\n{}", report::mode_of(result.settings), chosen);
  }
}

/// What all ranks know before the first case.
struct Job {
  const RunArguments& arguments;
  Device& device;
  const job::MpiSession& session;
  comm::Communicator& world;
  std::vector<config::Case> cases;
  std::optional<bench::SlowRank> slow_rank;
  Outputs outputs;
  accelerator::Identity identity;
  job::Placement placement;
  std::optional<std::int64_t> bytes_before;  ///< in use on the device, before the first case
  nlohmann::ordered_json provenance;
};

/// Reads the input on rank 0, checks it on all ranks, opens the outputs and judges the placement.
/// Collective.
Job prepare(const RunArguments& arguments, Device& device, const job::MpiSession& session,
            comm::Communicator& world) {
  const std::string text =
      comm::from_rank_zero(world, [&] { return config::read_text(arguments.input); });
  Job job{arguments,
          device,
          session,
          world,
          config::load_cases(text, arguments.input, arguments.overrides),
          {},
          {},
          {},
          {},
          {},
          {}};
  require_ranks(job.cases, session.size());
  require_precisions(job.cases);
  for (const config::Case& c : job.cases) bench::require_even_nodes(c, world.nodes());
  job.slow_rank = bench::slow_rank_of_environment(world);
  job.outputs = open_outputs(arguments, job.cases, world);
  job.identity = own_device(world, session);
  job.placement = find_placement(arguments.place, job.identity, world);
  job.bytes_before = accelerator::bytes_in_use();
  job.provenance =
      report::provenance({arguments.command_line, arguments.input, text, arguments.threads,
                          world.gather_bytes(session.processor_name())},
                         &session);
  return job;
}

/// Measures one case. An error of an interrupted job ends with `line`.
bench::CaseResult measure(const Job& job, const config::Case& c, Progress& progress,
                          const std::string& line) {
  const auto announce = [&](const std::string& what) {
    progress.show(
        fmt::format("case {}/{}, {}: {}", c.index + 1, job.cases.size(), report::mode_of(c), what));
  };
  const bench::RunContext run{.device = job.device,
                              .session = job.session,
                              .device_identity = job.identity,
                              .threads = job.arguments.threads,
                              .trace = job.arguments.trace.has_value(),
                              .device_bytes_before = job.bytes_before,
                              .progress = announce,
                              .cores = job::text_of(job.arguments.place.cores),
                              .slow_rank = job.slow_rank};
  bench::CaseResult result;
  try {
    result = bench::run_case(c, run,
                             rank_folder(job.arguments, c, job.cases.size(), job.session.rank()));
  } catch (const Interrupted& error) {
    progress.wipe();
    throw Interrupted(fmt::format("{}: {}", error.what(), line));
  }
  result.placement = job.placement;
  progress.wipe();
  return result;
}

/// Runs the unfinished cases in order, and keeps the result of each case when it ends. Collective.
ExitStatus run_all(const Job& job, Interruption& interruption, Screen& screen) {
  const bool speaks = job.session.rank() == 0;
  Progress progress(speaks && (job.arguments.progress || isatty(STDERR_FILENO) != 0),
                    job::mixes_streams(std::getenv));
  ExitStatus status = ExitStatus::good;
  std::size_t done = 0;
  Tides tides(screen);
  for (const config::Case& c : job.cases) {
    if (job.outputs.finished[c.index] == '1') {
      ++done;
      screen.print(report::skipped_row(job.cases, c, *job.arguments.output));
      continue;
    }
    const std::string line = end_line(done, job.cases.size(), job.arguments);
    interruption.set_line(line);
    job.world.set_context(fmt::format("set-up of case {}", c.index + 1));
    job.world.set_timeout(c.bench.timeout_s);
    end_where_asked(job.world, line);
    const bench::CaseResult result = measure(job, c, progress, line);
    job.world.set_context(fmt::format("writing the record of case {}", c.index + 1));
    ++done;
    const std::exception_ptr lost = keep(job.outputs, result, job.provenance, interruption);
    if (speaks) show(job.cases, result, tides);
    if (lost) std::rethrow_exception(lost);
    if (result.verification.performed() && !result.valid()) status = ExitStatus::invalid;
  }
  end_where_asked(job.world, end_line(done, job.cases.size(), job.arguments));
  return status;
}

}  // namespace

ExitStatus run(const RunArguments& arguments, Device& device, const job::MpiSession& session,
               comm::Communicator& world) {
  Interruption interruption(session.rank(), session.local_size());
  const Job job = prepare(arguments, device, session, world);
  Screen screen(session.rank() == 0);
  screen.print(title(job.cases, session, arguments.threads, job.placement) +
               report::table_header(job.cases));
  const ExitStatus status = run_all(job, interruption, screen);
  return status == ExitStatus::good && screen.is_lost() ? ExitStatus::failed : status;
}

}  // namespace tidemark::commands
