#include "commands/run.hpp"

#include <filesystem>
#include <fstream>
#include <memory>

#include <fmt/format.h>
#include <unistd.h>

#include "bench/runner.hpp"
#include "comm/factory.hpp"
#include "comm/rank_zero.hpp"
#include "config/reader.hpp"
#include "config/sweep.hpp"
#include "kernels/gemm.hpp"
#include "report/overlap_lines.hpp"
#include "report/print.hpp"
#include "report/provenance.hpp"
#include "report/record.hpp"
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

std::optional<std::int64_t> device_bytes_in_use() {
  const auto memory = accelerator::memory();
  return memory ? std::optional(static_cast<std::int64_t>(memory->used)) : std::nullopt;
}

/// What this rank computes on, which no other rank of the node may share, unless it is the host.
accelerator::Identity own_device(comm::Communicator& world, const comm::MpiSession& session) {
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

/// One line on the terminal that is written over and over, and wiped before anything else.
class ProgressLine {
 public:
  explicit ProgressLine(bool shown) : shown_(shown) {}
  ~ProgressLine() { wipe(); }
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  void show(const std::string& text) const {
    if (shown_) {
      fmt::print(stderr, "\r\x1b[K{}", text);
      std::fflush(stderr);
    }
  }
  void wipe() const { show(""); }

 private:
  bool shown_;
};

/// What follows the table, also when a later case fails: finished cases are not lost.
struct Tides {
  Tides() = default;
  ~Tides() { fmt::print("{}", text); }
  Tides(const Tides&) = delete;
  Tides& operator=(const Tides&) = delete;
  std::string text;
};

std::string title(const std::vector<config::Case>& cases, const comm::MpiSession& session,
                  int threads) {
  return fmt::format("{}; {} ranks of {} thread{} on {}\n{}\n", report::shape_of(cases.front()),
                     session.size(), threads, threads == 1 ? "" : "s", session.processor_name(),
                     report::padding_lines(cases));
}

}  // namespace

ExitStatus run(const RunArguments& arguments, Device& device, const comm::MpiSession& session) {
  const bool speaks = session.rank() == 0;
  // Input and results are rank 0's business; the others learn what it read, or why it could not.
  const auto world = comm::make_communicator({.backend = "mpi", .ranks = session.size()});
  const std::string text =
      comm::from_rank_zero(*world, [&] { return config::read_text(arguments.input); });
  const std::vector<config::Case> cases =
      config::load_cases(text, arguments.input, arguments.overrides);
  require_ranks(cases, session.size());
  require_precisions(cases);
  std::unique_ptr<report::RecordFile> output;
  std::unique_ptr<report::TraceFile> trace;
  comm::from_rank_zero(*world, [&] {
    if (arguments.output) {
      output = std::make_unique<report::RecordFile>(*arguments.output);
    }
    if (arguments.trace) {
      trace = std::make_unique<report::TraceFile>(*arguments.trace);
    }
    if (arguments.dump) {
      prepare_dump(*arguments.dump, cases);
    }
    return std::string();
  });

  const accelerator::Identity identity = own_device(*world, session);
  const std::optional<std::int64_t> bytes_before = device_bytes_in_use();
  const auto provenance = report::provenance(
      {arguments.command_line, arguments.input, text, arguments.threads}, &session);
  const ProgressLine progress(speaks && (arguments.progress || isatty(STDERR_FILENO) != 0));
  if (speaks) {
    report::print(title(cases, session, arguments.threads) + report::table_header(cases));
  }
  ExitStatus status = ExitStatus::good;
  Tides tides;
  for (const config::Case& c : cases) {
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
        }};
    const bench::CaseResult result =
        bench::run_case(c, environment, rank_folder(arguments, c, cases.size(), session.rank()));
    progress.wipe();
    if (output) {
      output->append(report::run_record(result, provenance));
    }
    if (trace) {
      trace->append(result);
    }
    if (speaks) {
      report::print(report::table_row(cases, result) + report::failure_lines(result) +
                    report::transport_line(result) + report::overlap_lines(result));
      tides.text += fmt::format("\n{}", report::tide_lines(result, tide_table_lines));
      if (const std::string chosen = report::algorithm_lines(result); !chosen.empty()) {
        tides.text += fmt::format("Fastest algorithms of {}:\n{}", report::mode_of(c), chosen);
      }
    }
    if (result.verification.performed() && !result.valid()) {
      status = ExitStatus::invalid;
    }
  }
  return status;
}

}  // namespace tidemark::commands
