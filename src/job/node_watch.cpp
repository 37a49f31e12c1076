// SPDX-License-Identifier: BSD-3-Clause
#include "job/node_watch.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

namespace tidemark::job {

namespace {

using Path = std::array<char, 32>;

/// Makes a file in memory with `bytes` bytes. Returns a negative number if this is not possible.
int make_file(Path& path, std::size_t bytes) {
  path = {"/dev/shm/tidemark-XXXXXX"};
  const int file = mkstemp(path.data());
  // Without real memory behind the file, an access to it would kill the rank.
  if (file >= 0 && posix_fallocate(file, 0, static_cast<off_t>(bytes)) != 0) {
    close(file);
    return -1;
  }
  return file;
}

void* map(int file, std::size_t bytes) {
  if (file < 0) return nullptr;
  void* const memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  return memory == MAP_FAILED ? nullptr : memory;
}

/// Memory that the ranks of the node share, with initialised locks; null if this rank cannot map
/// it. It stays mapped until the process ends. Collective. The caller removes the file.
void* shared_memory(MPI_Comm node, Path& path, int local_rank, std::size_t ranks) {
  const std::size_t bytes = Lifelines::bytes_for(ranks);
  void* memory = nullptr;
  if (local_rank == 0) {
    memory = map(make_file(path, bytes), bytes);
    if (memory != nullptr) Lifelines::prepare(memory, ranks);
  }
  MPI_Bcast(path.data(), static_cast<int>(path.size()), MPI_CHAR, 0, node);
  if (local_rank != 0) memory = map(open(path.data(), O_RDWR | O_CLOEXEC), bytes);
  return memory;
}

}  // namespace

std::unique_ptr<Lifelines> watch_node(MPI_Comm node, int rank, const std::string& host) {
  int local_rank = 0;
  int ranks = 1;
  MPI_Comm_rank(node, &local_rank);
  MPI_Comm_size(node, &ranks);
  if (ranks == 1) return nullptr;
  const auto all = static_cast<std::size_t>(ranks);
  Path path{};
  void* const memory = shared_memory(node, path, local_rank, all);
  std::unique_ptr<Lifelines> lifelines;
  if (memory != nullptr) {
    lifelines = std::make_unique<Lifelines>(memory, all, static_cast<std::size_t>(local_rank),
                                            Lifelines::Peer{rank, getpid()});
  }
  MPI_Barrier(node);  // until all hold their locks
  if (local_rank == 0) unlink(path.data());
  if (lifelines == nullptr || !lifelines->is_complete()) return nullptr;
  lifelines->watch(host, end_after_loss);
  return lifelines;
}

}  // namespace tidemark::job
