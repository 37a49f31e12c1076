// SPDX-License-Identifier: BSD-3-Clause
// MPI from start to end, and its information about this process.
#pragma once

#include <memory>
#include <string>

#include "base/error.hpp"
#include "job/watchdog.hpp"

namespace tidemark::job {

class Lifelines;

/// Which threads of one process may call MPI.
enum class MpiThreads {
  serialized,  ///< one thread at a time
  multiple,    ///< any thread at any time
};

/// Initialises MPI in the constructor and finalises it in the destructor. A process can have at
/// most one. If the process has already initialised MPI, the session does neither.
///
/// Without a launcher (mpirun, srun) MPI makes this process a job of one rank.
class MpiSession {
 public:
  /// Throws RunError if MPI cannot start or does not grant the required threads. `watch` ends the
  /// process if MPI does not return from starting, from comparing nodes or from ending. It must
  /// outlive the session. Null: these calls are not watched.
  explicit MpiSession(MpiThreads threads = MpiThreads::serialized, Watchdog* watch = nullptr);
  /// Finalises, which waits for the other ranks. While an exception unwinds, it ends the job with
  /// ExitStatus::failed instead, because the other ranks may never join. If only some ranks may
  /// meet an error, catch it while the session exists, and call `abort` with the error's own
  /// status.
  ~MpiSession();
  MpiSession(const MpiSession&) = delete;
  MpiSession& operator=(const MpiSession&) = delete;

  [[nodiscard]] int rank() const noexcept { return rank_; }              ///< in the job, from 0
  [[nodiscard]] int size() const noexcept { return size_; }              ///< processes in the job
  [[nodiscard]] int local_rank() const noexcept { return local_rank_; }  ///< on this node, from 0
  [[nodiscard]] int local_size() const noexcept { return local_size_; }  ///< processes on this node
  [[nodiscard]] const std::string& processor_name() const noexcept { return processor_name_; }
  /// First line of the library's own description, such as "Open MPI v4.1.4, ...". Any white space
  /// is one space.
  [[nodiscard]] const std::string& library_version() const noexcept { return library_version_; }

  /// The library's whole description of itself, in lines.
  [[nodiscard]] const std::string& library_description() const noexcept {
    return library_description_;
  }

  /// Ends every process of the job with `status` immediately. Flushes streams first.
  [[noreturn]] void abort(ExitStatus status) const;

 private:
  void start(MpiThreads threads);
  void describe();

  Watchdog* watch_;
  bool owns_mpi_ = false;
  int rank_ = 0;
  int size_ = 1;
  int local_rank_ = 0;
  int local_size_ = 1;
  std::string processor_name_;
  std::string library_version_;
  std::string library_description_;
  std::unique_ptr<Lifelines> lifelines_;  ///< destroyed last, when MPI has ended
};

}  // namespace tidemark::job
