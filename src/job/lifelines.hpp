// Notices at once that a rank of this node was killed, or crashed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

namespace tidemark::job {

/// Every rank of a node holds a lock in memory that all of them share. The system gives the lock of
/// a process that ends to the rank that waits for it, and says that its owner is dead. It does so
/// before it closes the files of the process, which is how launchers learn of its end. So a line
/// can be written even where the launcher kills all other ranks at once, as MPICH's does.
///
/// Rank k waits for rank k+1, and the second rank for the first one, too: each in a thread that
/// sleeps. Of all lines of this kind and all others that end the job, the first suffices.
class Lifelines {
 public:
  struct Peer {
    int rank = 0;
    std::int64_t pid = 0;
  };
  using OnLoss = std::function<void(const std::string& line)>;

  /// Size of the memory for so many ranks.
  static std::size_t bytes_for(std::size_t ranks) noexcept;
  /// Makes the locks; one rank does so, before any other touches the memory.
  static void prepare(void* memory, std::size_t ranks);

  /// Takes the lock of `self`, the rank number `own` of the node's `ranks`. The thread that calls
  /// it must live as long as the process, and so must `memory`.
  Lifelines(void* memory, std::size_t ranks, std::size_t own, const Peer& self);
  /// Says that this rank ends in order.
  ~Lifelines();
  Lifelines(const Lifelines&) = delete;
  Lifelines& operator=(const Lifelines&) = delete;

  /// Whether all ranks of the node have taken their locks.
  [[nodiscard]] bool is_complete() const;

  /// Starts to wait for others, once they have taken their locks. The threads outlive this object.
  /// `on_loss` gets the line, in one of them; `host` is named in it.
  void watch(const std::string& host, const OnLoss& on_loss) const;

 private:
  void* memory_;
  std::size_t ranks_;
  std::size_t own_;
};

/// Writes the line and ends the process a little later. In between, the launcher can end the job,
/// and a record that is being written comes to its end. Does nothing where a signal has asked the
/// job to end: then ranks are killed because of it.
void end_after_loss(const std::string& line);

}  // namespace tidemark::job
