// SPDX-License-Identifier: BSD-3-Clause
// Errors and their exit statuses.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

namespace tidemark {

/// Exit status of the `tidemark` executable.
enum class ExitStatus : int {
  good = 0,         ///< every case ran and is valid
  invalid = 1,      ///< a result failed its verification
  input_error = 2,  ///< the command line or the input is wrong
  failed = 3,       ///< the run could not be carried out
};

/// The ranks that meet an error. If all ranks meet it, one prints the line and all end in order. If
/// only this rank may meet it, it has to end the others.
enum class Scope { all_ranks, this_rank };

/// An error that ends the program: one line for the user, and the exit status.
class Error : public std::runtime_error {
 public:
  Error(ExitStatus status, const std::string& line, Scope scope)
      : std::runtime_error(line), status_(status), scope_(scope) {}
  [[nodiscard]] ExitStatus status() const noexcept { return status_; }
  [[nodiscard]] Scope scope() const noexcept { return scope_; }

 private:
  ExitStatus status_;
  Scope scope_;
};

/// The user's command line or input file is wrong (exit status 2).
/// `line` is one complete line that starts with the location: `FILE:LINE:COL: key: what is wrong`.
/// All ranks read the same input, so all of them throw it.
class InputError : public Error {
 public:
  explicit InputError(const std::string& line)
      : Error(ExitStatus::input_error, line, Scope::all_ranks) {}
};

/// The run could not be carried out: out of memory, a failed or overdue collective (exit status 3).
class RunError : public Error {
 public:
  explicit RunError(const std::string& line, Scope scope = Scope::this_rank)
      : Error(ExitStatus::failed, line, scope) {}
};

/// An invariant of Tidemark is broken: a defect of the program (exit status 3).
class BrokenInvariant : public Error {
 public:
  explicit BrokenInvariant(const std::string& line)
      : Error(ExitStatus::failed, line, Scope::this_rank) {}
};

[[noreturn]] void require_failed(const char* condition, const std::string& message,
                                 const char* file, int line);

}  // namespace tidemark

/// Host-side check of an invariant of Tidemark. Throws BrokenInvariant with the condition, file and
/// line. `message` is evaluated only on failure.
#define TIDEMARK_REQUIRE(condition, message)                                 \
  do {                                                                       \
    if (!(condition)) {                                                      \
      ::tidemark::require_failed(#condition, (message), __FILE__, __LINE__); \
    }                                                                        \
  } while (false)
