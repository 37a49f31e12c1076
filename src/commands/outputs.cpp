// SPDX-License-Identifier: BSD-3-Clause
#include "commands/outputs.hpp"

#include <fstream>

#include <fmt/format.h>

#include "comm/rank_zero.hpp"
#include "commands/named_files.hpp"
#include "commands/resume.hpp"
#include "report/record.hpp"

namespace tidemark::commands {

namespace {

namespace fs = std::filesystem;

fs::path case_folder(const fs::path& dump, const config::Case& c, std::size_t cases) {
  return cases == 1 ? dump : dump / fmt::format("case{}", c.index);
}

// Rank 0 makes the folder and the description. The folder must be empty, because files of an
// earlier dump would look like files of this one.
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

}  // namespace

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

}  // namespace tidemark::commands
