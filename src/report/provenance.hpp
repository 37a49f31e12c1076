// SPDX-License-Identifier: BSD-3-Clause
// Origin of the numbers: build, libraries, machine, time.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "job/mpi_session.hpp"

namespace tidemark::report {

/// Facts that only the start of the program knows.
struct Invocation {
  std::vector<std::string> arguments;  ///< the command line, as given
  std::string input_file;
  std::string input_text;
  int threads = 1;                   ///< per rank
  std::vector<std::string> hosts{};  ///< by rank; empty for commands without MPI
};

/// Model name of the processor, or "unknown".
std::string processor_model();

/// Sixteen digits that distinguish a text from others (FNV-1a, 64 bits).
std::string digest_of(std::string_view text);

/// Build (version, git hash, compiler, flags), Kokkos and its configuration, BLAS, MPI and its
/// transport, hosts, Slurm, environment, start time (UTC, ISO 8601), and command line. Also the
/// input file with a digest of its text. `session` is null for commands without MPI.
nlohmann::ordered_json provenance(const Invocation& invocation, const job::MpiSession* session);

}  // namespace tidemark::report
