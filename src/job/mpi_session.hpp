// MPI from start to end, and what it says about this process.
#pragma once

#include <memory>
#include <string>

#include "base/error.hpp"
#include "job/watchdog.hpp"

namespace tidemark::job {

class Lifelines;

/// How threads of one process may call MPI.
enum class MpiThreads {
  serialized,  ///< one thread at a time
  multiple,    ///< any thread at any time
};

/// Initialises MPI when made and finalises it when destroyed; at most one in a process. Where the
/// process has initialised MPI already, the session neither initialises nor finalises.
///
/// Without a launcher (mpirun, srun) MPI makes this process a job of one rank.
class MpiSession {
 public:
  /// Throws RunError when MPI cannot start or does not grant the threads asked for. `watch`, which
  /// must outlive the session, ends the process where MPI does not come back: from starting, from
  /// comparing nodes, from ending. Null: nobody watches.
  explicit MpiSession(MpiThreads threads = MpiThreads::serialized, Watchdog* watch = nullptr);
  /// Finalises, which waits for the other ranks. Where an exception unwinds it, the others may
  /// never come, so it ends the job with ExitStatus::failed. On an error that only some ranks may
  /// have met, catch it inside the session's scope and call `abort` with the error's own status.
  ~MpiSession();
  MpiSession(const MpiSession&) = delete;
  MpiSession& operator=(const MpiSession&) = delete;

  [[nodiscard]] int rank() const noexcept { return rank_; }              ///< in the job, from 0
  [[nodiscard]] int size() const noexcept { return size_; }              ///< processes in the job
  [[nodiscard]] int local_rank() const noexcept { return local_rank_; }  ///< on this node, from 0
  [[nodiscard]] int local_size() const noexcept { return local_size_; }  ///< processes on this node
  [[nodiscard]] const std::string& processor_name() const noexcept { return processor_name_; }
  /// First line of the library's own description, such as "Open MPI v4.1.4, ..."; one space for
  /// any white space.
  [[nodiscard]] const std::string& library_version() const noexcept { return library_version_; }

  /// All that the library says about itself, in lines.
  [[nodiscard]] const std::string& library_description() const noexcept {
    return library_description_;
  }

  /// Ends every process of the job with `status`, now. Streams are flushed first.
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
  std::unique_ptr<Lifelines> lifelines_;  ///< cut last, when MPI has ended
};

}  // namespace tidemark::job
