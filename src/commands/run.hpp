// SPDX-License-Identifier: BSD-3-Clause
// `tidemark run`: measures every case of an input.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/device.hpp"
#include "base/error.hpp"
#include "comm/communicator.hpp"
#include "job/mpi_session.hpp"
#include "job/place.hpp"

namespace tidemark::commands {

/// The arguments of `tidemark run`.
struct RunArguments {
  std::string input;
  std::vector<std::string> overrides;  ///< of --set, KEY=VALUE each
  std::optional<std::string> output;   ///< results file, appended to
  std::optional<std::string> trace;    ///< Chrome trace of one step per case, overwritten
  std::optional<std::string> dump;     ///< folder for tensors; created, or must be empty
  bool resume = false;                 ///< skip cases with a valid record in `output`
  bool progress = false;               ///< show progress even if stderr is no terminal
  std::vector<std::string> command_line;
  int threads = 1;
  double timeout_s = 120.0;  ///< longest time that a call of set-up may take
  job::Place place;          ///< of this rank, before its threads started
};

/// Runs all cases in order. Collective over the processes of the job. Rank 0 prints the table to
/// stdout and appends each record when its case ends. Returns `invalid` if a result failed its
/// verification.
///
/// After SIGTERM or SIGUSR1 on any rank it stops after the current case, or abandons that case; see
/// base/interruption.hpp. Throws InputError and RunError.
ExitStatus run(const RunArguments& arguments, Device& device, const job::MpiSession& session,
               comm::Communicator& world);

}  // namespace tidemark::commands
