// SPDX-License-Identifier: BSD-3-Clause
// Detects immediately that a rank of this node was killed or crashed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

namespace tidemark::job {

/// Every rank of a node holds a lock in memory that all of them share. When a process ends, the
/// system gives its lock to the rank that waits for it, and reports that the owner is dead. The
/// system does so before it closes the files of the process, by which launchers notice its end. So
/// this rank can write a line even if the launcher then kills all other ranks at once, as MPICH's
/// does.
///
/// Rank k waits for rank k+1, and the second rank also waits for the first. Each wait is in a
/// sleeping thread. It reports a loss only if no rank of the node has told before why the job ends.
class Lifelines {
 public:
  struct Peer {
    int rank = 0;
    std::int64_t pid = 0;
  };
  using OnLoss = std::function<void(const std::string& line)>;

  /// Bytes of the shared memory for `ranks` ranks.
  static std::size_t bytes_for(std::size_t ranks) noexcept;
  /// Makes the locks. One rank must call it before any other rank uses the memory.
  static void prepare(void* memory, std::size_t ranks);

  /// Takes the lock of `self`, which is rank `own` of the node's `ranks`. The calling thread and
  /// `memory` must exist until the process ends.
  Lifelines(void* memory, std::size_t ranks, std::size_t own, const Peer& self);
  /// Marks an orderly end of this rank.
  ~Lifelines();
  Lifelines(const Lifelines&) = delete;
  Lifelines& operator=(const Lifelines&) = delete;

  /// Whether all ranks of the node have taken their locks.
  [[nodiscard]] bool is_complete() const;

  /// Starts to wait for other ranks, which must have taken their locks. The threads outlive this
  /// object. `on_loss` gets the line in one of them. The line names `host`.
  void watch(const std::string& host, const OnLoss& on_loss) const;

 private:
  void* memory_;
  std::size_t ranks_;
  std::size_t own_;
};

/// Writes the line and ends the process a little later. In the meantime the launcher can end the
/// job, and a record that is being written can be completed. Does nothing if a signal requested the
/// end of the job, because then ranks are killed for that reason.
void end_after_loss(const std::string& line);

}  // namespace tidemark::job
