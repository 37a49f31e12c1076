// SPDX-License-Identifier: BSD-3-Clause
#include <chrono>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "comm/mpi/mpi_communicator.hpp"
#include "comm/places.hpp"

namespace tidemark::comm {
namespace {

using namespace std::chrono_literals;

job::Place place_of_rank(int rank) {
  job::Place place;
  place.host = "node" + std::to_string(rank / 2);
  place.machine = "boot" + std::to_string(rank / 2);
  place.cores = {rank, rank + 8};
  for (int cpu = 0; cpu < 16; ++cpu) place.cpus.push_back({cpu, cpu % 8, cpu % 2});
  // The number of threads differs by rank, and the first rank has none.
  for (int thread = 0; thread < rank; ++thread) place.threads.push_back({thread});
  if (rank % 2 == 1) place.cpu_limit = job::CpuLimit{0.5 + rank, "/sys/fs/cgroup/pod", 7};
  place.device_pci_id = rank == 2 ? "0000:1b:00.0" : "";
  return place;
}

TEST(Places, OfAllRanksStandInTheirOrderOnEveryRank) {
  MpiCommunicator world{MPI_COMM_WORLD, 60s};
  const std::vector<job::Place> places = gather_places(place_of_rank(world.rank()), world);
  ASSERT_EQ(places.size(), static_cast<std::size_t>(world.size()));
  for (int rank = 0; rank < world.size(); ++rank) {
    EXPECT_EQ(places[static_cast<std::size_t>(rank)], place_of_rank(rank)) << "rank " << rank;
  }
}

TEST(Places, OfRanksOnOneMachineAreOfOneMachine) {
  MpiCommunicator world{MPI_COMM_WORLD, 60s};
  const std::vector<job::Place> places = gather_places(job::own_place("here"), world);
  for (const job::Place& place : places) {
    EXPECT_EQ(place.machine, places.front().machine);
    EXPECT_EQ(place.cpu_limit, places.front().cpu_limit);
    EXPECT_FALSE(place.cores.empty());
  }
}

}  // namespace
}  // namespace tidemark::comm
