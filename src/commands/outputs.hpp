// SPDX-License-Identifier: BSD-3-Clause
// Files that `tidemark run` writes: records, the trace, and dumps of tensors.
#pragma once

#include <exception>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/interruption.hpp"
#include "bench/result.hpp"
#include "comm/communicator.hpp"
#include "commands/run.hpp"
#include "config/case.hpp"
#include "report/record_file.hpp"
#include "report/trace.hpp"

namespace tidemark::commands {

/// Files that rank 0 writes, and what is in them already.
struct Outputs {
  std::unique_ptr<report::RecordFile> records;
  std::unique_ptr<report::TraceFile> trace;
  std::string finished;  ///< on every rank: one character per case, '1' where it is not to be run again
};

/// Opens them on rank 0. Throws InputError where one cannot be written, or two are the same file.
/// Collective.
Outputs open_outputs(const RunArguments& arguments, const std::vector<config::Case>& cases,
                     comm::Communicator& world);

/// The folder of this rank's dump of a case, made where it is not there; nullopt without --dump.
std::optional<std::filesystem::path> rank_folder(const RunArguments& arguments,
                                                 const config::Case& c, std::size_t cases,
                                                 int rank);

/// Writes what outlives the run. A file that does not take it must not cost the row of the table,
/// so the function returns what was thrown.
std::exception_ptr keep(const Outputs& outputs, const bench::CaseResult& result,
                        const nlohmann::ordered_json& provenance, Interruption& interruption);

}  // namespace tidemark::commands
