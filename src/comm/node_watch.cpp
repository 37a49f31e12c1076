#include "comm/node_watch.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <vector>

namespace tidemark::comm {

namespace {

using Path = std::array<char, 32>;

/// A new file in memory, of so many bytes; below 0 where there is none to be had.
int make_file(Path& path, std::size_t bytes) {
  path = {"/dev/shm/tidemark-XXXXXX"};
  const int file = mkstemp(path.data());
  // Bytes that are only promised would end a rank when it touches them.
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

bool agree(MPI_Comm node, bool is_good) {
  int good = is_good ? 1 : 0;
  MPI_Allreduce(MPI_IN_PLACE, &good, 1, MPI_INT, MPI_MIN, node);
  return good != 0;
}

/// Memory that all ranks of the node see, ready for their locks; null on all where one has none.
/// It stays until the process ends.
void* shared_memory(MPI_Comm node, int local_rank, std::size_t ranks) {
  const std::size_t bytes = Lifelines::bytes_for(ranks);
  Path path{};
  void* memory = nullptr;
  if (local_rank == 0) {
    memory = map(make_file(path, bytes), bytes);
    if (memory != nullptr) Lifelines::prepare(memory, ranks);
  }
  MPI_Bcast(path.data(), static_cast<int>(path.size()), MPI_CHAR, 0, node);
  if (local_rank != 0) memory = map(open(path.data(), O_RDWR | O_CLOEXEC), bytes);
  const bool all_have_it = agree(node, memory != nullptr);
  if (local_rank == 0) unlink(path.data());
  return all_have_it ? memory : nullptr;
}

}  // namespace

std::unique_ptr<Lifelines> watch_node(MPI_Comm node, int rank, const std::string& host) {
  int local_rank = 0;
  int ranks = 1;
  MPI_Comm_rank(node, &local_rank);
  MPI_Comm_size(node, &ranks);
  if (ranks == 1) return nullptr;
  void* const memory = shared_memory(node, local_rank, static_cast<std::size_t>(ranks));
  if (memory == nullptr) return nullptr;
  const std::array<std::int64_t, 2> own{rank, getpid()};
  std::vector<std::int64_t> all(2 * static_cast<std::size_t>(ranks));
  MPI_Allgather(own.data(), 2, MPI_INT64_T, all.data(), 2, MPI_INT64_T, node);
  std::vector<Lifelines::Peer> peers;
  for (std::size_t i = 0; i < all.size(); i += 2) {
    peers.push_back({static_cast<int>(all[i]), all[i + 1]});
  }
  auto lifelines =
      std::make_unique<Lifelines>(memory, std::move(peers), static_cast<std::size_t>(local_rank));
  MPI_Barrier(node);  // until all hold their locks
  lifelines->watch(host, end_after_loss);
  return lifelines;
}

}  // namespace tidemark::comm
