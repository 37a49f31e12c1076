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

/// Files that rank 0 writes, and the cases that they already hold.
struct Outputs {
  std::unique_ptr<report::RecordFile> records;
  std::unique_ptr<report::TraceFile> trace;
  std::string finished;  ///< on every rank: one character per case, '1' if it is skipped
};

/// Opens the files on rank 0. Throws InputError if one cannot be written, or if two are the same
/// file. Collective.
Outputs open_outputs(const RunArguments& arguments, const std::vector<config::Case>& cases,
                     comm::Communicator& world);

/// The folder for this rank's dump of a case, created if it does not exist. nullopt without --dump.
std::optional<std::filesystem::path> rank_folder(const RunArguments& arguments,
                                                 const config::Case& c, std::size_t cases,
                                                 int rank);

/// Writes the record and the trace of a case. A failed write must not lose the row of the table, so
/// the function returns the exception.
std::exception_ptr keep(const Outputs& outputs, const bench::CaseResult& result,
                        const nlohmann::ordered_json& provenance, Interruption& interruption);

}  // namespace tidemark::commands
