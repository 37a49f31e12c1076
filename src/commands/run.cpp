#include "commands/run.hpp"

#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <memory>
#include <numeric>

#include <fmt/format.h>
#include <unistd.h>

#include "base/interruption.hpp"
#include "bench/host_threads.hpp"
#include "bench/runner.hpp"
#include "comm/ending.hpp"
#include "comm/factory.hpp"
#include "comm/places.hpp"
#include "comm/rank_zero.hpp"
#include "commands/named_files.hpp"
#include "commands/progress.hpp"
#include "commands/resume.hpp"
#include "commands/screen.hpp"
#include "config/reader.hpp"
#include "config/sweep.hpp"
#include "job/launch.hpp"
#include "job/placement.hpp"
#include "kernels/gemm.hpp"
#include "report/overlap_lines.hpp"
#include "report/print.hpp"
#include "report/provenance.hpp"
#include "report/record.hpp"
#include "report/record_file.hpp"
#include "report/table.hpp"
#include "report/trace.hpp"

namespace tidemark::commands {

namespace {

namespace fs = std::filesystem;

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

// Only here does anybody know what the products are formed by.
void require_precisions(const std::vector<config::Case>& cases) {
  for (const config::Case& c : cases) {
    if (c.tensor_float && !kernels::rounds_to_tf32) {
      throw InputError(
          fmt::format("{}: precision: tf32 needs a Kokkos on CUDA, but this one is on {}",
                      c.locate("precision"), ExecutionSpace::name()));
    }
  }
}

fs::path case_folder(const fs::path& dump, const config::Case& c, std::size_t cases) {
  return cases == 1 ? dump : dump / fmt::format("case{}", c.index);
}

// Rank 0 makes the folder and the description; files of an earlier dump would pass for this one's.
void prepare_dump(const fs::path& dump, const std::vector<config::Case>& cases) {
  std::error_code error;
  if (fs::exists(dump, error) && !(fs::is_directory(dump, error) && fs::is_empty(dump, error))) {
    throw InputError(fmt::format("{}: --dump needs a new or empty folder", dump.string()));
  }
  for (const config::Case& c : cases) {
    const fs::path folder = case_folder(dump, c, cases.size());
    fs::create_directories(folder, error);
    std::ofstream file(folder / "case.json");
    file << report::case_json(c).dump(2) << '\n' << std::flush;
    if (!file) {
      throw InputError(
          fmt::format("{}: the dump cannot be written", (folder / "case.json").string()));
    }
  }
}

std::optional<fs::path> rank_folder(const RunArguments& arguments, const config::Case& c,
                                    std::size_t cases, int rank) {
  if (!arguments.dump) {
    return std::nullopt;
  }
  const fs::path folder = case_folder(*arguments.dump, c, cases) / fmt::format("rank{}", rank);
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) {
    throw RunError(fmt::format("{}: cannot be created: {}", folder.string(), error.message()));
  }
  return folder;
}

/// What this rank computes on, which no other rank of the node may share, unless it is the host.
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

/// Where all ranks stand, and what is wrong with it. All of them are one tensor group.
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

/// Files that rank 0 writes, and what is in them already.
struct Outputs {
  std::unique_ptr<report::RecordFile> records;
  std::unique_ptr<report::TraceFile> trace;
  std::string finished;  ///< on every rank: a character a case, '1' where it is not to be run again
};

Outputs open_outputs(const RunArguments& arguments, const std::vector<config::Case>& cases,
                     comm::Communicator& world) {
  if (arguments.resume && !arguments.output) {
    throw InputError("command line: --resume needs --output: the file to go on with");
  }
  Outputs outputs;
  outputs.finished = comm::from_rank_zero(world, [&] {
    require_distinct({{"the input", arguments.input},
                      {"--output", arguments.output},
                      {"--trace", arguments.trace},
                      {"--dump", arguments.dump}});
    if (arguments.output) {
      outputs.records = std::make_unique<report::RecordFile>(*arguments.output);
    }
    if (arguments.trace) {
      outputs.trace = std::make_unique<report::TraceFile>(*arguments.trace);
    }
    if (arguments.dump) {
      prepare_dump(*arguments.dump, cases);
    }
    return arguments.resume ? text_of(finished_cases(*arguments.output, cases))
                            : std::string(cases.size(), '0');
  });
  return outputs;
}

/// What the line of a job that was asked to end says.
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

/// All that the table says of a case, and what is to follow the table.
void show(const std::vector<config::Case>& cases, const bench::CaseResult& result, Tides& tides) {
  tides.screen.print(report::table_row(cases, result) + report::failure_lines(result) +
                     report::drift_line(result) + report::transport_line(result) +
                     report::overlap_lines(result));
  tides.text += fmt::format("\n{}", report::tide_lines(result, tide_table_lines));
  if (const std::string chosen = report::algorithm_lines(result); !chosen.empty()) {
    tides.text +=
        fmt::format("Fastest algorithms of {}:\n{}", report::mode_of(result.settings), chosen);
  }
}

/// Writes what outlives the run. A file that does not take it must not cost the row of the table,
/// so what was thrown is handed back.
std::exception_ptr keep(const Outputs& outputs, const bench::CaseResult& result,
                        const nlohmann::ordered_json& provenance, Interruption& interruption) {
  try {
    if (outputs.records) {
      const auto hold = interruption.hold();
      outputs.records->append(report::run_record(result, provenance));
    }
    if (outputs.trace) outputs.trace->append(result);
  } catch (const std::exception&) {
    return std::current_exception();
  }
  return nullptr;
}

}  // namespace

ExitStatus run(const RunArguments& arguments, Device& device, const job::MpiSession& session) {
  const bool speaks = session.rank() == 0;
  Interruption interruption(session.rank(), session.local_size());
  // Input and results are rank 0's business; the others learn what it read, or why it could not.
  const auto world =
      comm::make_communicator({.backend = "mpi",
                               .ranks = session.size(),
                               .timeout = std::chrono::duration<double>(arguments.timeout_s)});
  const std::string text =
      comm::from_rank_zero(*world, [&] { return config::read_text(arguments.input); });
  const std::vector<config::Case> cases =
      config::load_cases(text, arguments.input, arguments.overrides);
  require_ranks(cases, session.size());
  require_precisions(cases);
  const auto slow_rank = bench::slow_rank_of_environment(*world);
  const Outputs outputs = open_outputs(arguments, cases, *world);
  const accelerator::Identity identity = own_device(*world, session);
  const job::Placement placement = find_placement(arguments.place, identity, *world);
  const std::optional<std::int64_t> bytes_before = accelerator::bytes_in_use();
  const auto provenance =
      report::provenance({arguments.command_line, arguments.input, text, arguments.threads,
                          world->gather_bytes(session.processor_name())},
                         &session);
  Progress progress(speaks && (arguments.progress || isatty(STDERR_FILENO) != 0),
                    job::mixes_streams(std::getenv));
  Screen screen(speaks);
  screen.print(title(cases, session, arguments.threads, placement) + report::table_header(cases));
  ExitStatus status = ExitStatus::good;
  std::size_t done = 0;
  Tides tides(screen);
  for (const config::Case& c : cases) {
    if (outputs.finished[c.index] == '1') {
      ++done;
      screen.print(report::skipped_row(cases, c, *arguments.output));
      continue;
    }
    const std::string line = end_line(done, cases.size(), arguments);
    interruption.set_line(line);
    world->set_context(fmt::format("set-up of case {}", c.index + 1));
    world->set_timeout(c.bench.timeout_s);
    end_where_asked(*world, line);
    const bench::Environment environment{
        device,
        session,
        identity,
        arguments.threads,
        arguments.trace.has_value(),
        bytes_before,
        [&](const std::string& what) {
          progress.show(fmt::format("case {}/{}, {}: {}", c.index + 1, cases.size(),
                                    report::mode_of(c), what));
        },
        job::text_of(arguments.place.cores),
        slow_rank};
    bench::CaseResult result;
    try {
      result =
          bench::run_case(c, environment, rank_folder(arguments, c, cases.size(), session.rank()));
    } catch (const Interrupted& error) {
      progress.wipe();
      throw Interrupted(fmt::format("{}: {}", error.what(), line));
    }
    result.placement = placement;
    progress.wipe();
    world->set_context(fmt::format("writing the record of case {}", c.index + 1));
    ++done;
    const std::exception_ptr lost = keep(outputs, result, provenance, interruption);
    if (speaks) show(cases, result, tides);
    if (lost) std::rethrow_exception(lost);
    if (result.verification.performed() && !result.valid()) {
      status = ExitStatus::invalid;
    }
  }
  end_where_asked(*world, end_line(done, cases.size(), arguments));
  return status == ExitStatus::good && screen.is_lost() ? ExitStatus::failed : status;
}

}  // namespace tidemark::commands
