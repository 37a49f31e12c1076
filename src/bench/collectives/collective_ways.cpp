// SPDX-License-Identifier: BSD-3-Clause
#include "bench/collectives/collective_ways.hpp"

#include <chrono>
#include <cstring>
#include <utility>

#include "bench/kernel_buffers.hpp"
#include "comm/algorithms/memory_block.hpp"
#include "comm/algorithms/rounds.hpp"
#include "comm/factory.hpp"

namespace tidemark::bench {

namespace {

CollectiveWay way_of_mpi(comm::CommunicatorOptions options, comm::Algorithm algorithm,
                         DType dtype) {
  options.backend = comm::Backend::mpi;
  options.algorithm = algorithm;
  CollectiveWay way{std::string(comm::name_of(algorithm)), comm::make_communicator(options)};
  way.is_native = algorithm == comm::Algorithm::native;
  way.scatters_in_place = !way.is_native;
  // On a device the library does not form sums of bf16: see comm::MpiOptions.
  way.forms_sums =
      !(way.is_native && dtype == DType::bf16 && way.communicator->transport() == "device");
  return way;
}

}  // namespace

std::vector<CollectiveWay> collective_ways(const Device& device, int ranks, comm::Backend backend,
                                           DType dtype, double timeout_s) {
  comm::CommunicatorOptions options = options_on(device);
  options.backend = backend;
  options.ranks = ranks;
  options.timeout = std::chrono::duration<double>(timeout_s);
  std::vector<CollectiveWay> ways;
  if (comm::takes_nccl(options)) {
    options.backend = comm::Backend::nccl;
    ways.push_back({"nccl", comm::make_communicator(options)});
  }
  if (backend == comm::Backend::nccl) return ways;
  for (const comm::Algorithm algorithm : comm::all_algorithms) {
    // The first way, which is native, knows the nodes.
    const comm::NodeMap nodes = ways.empty() ? ranks : ways.back().communicator->nodes();
    if (!comm::is_distinct(algorithm, nodes)) continue;
    ways.push_back(way_of_mpi(options, algorithm, dtype));
  }
  return ways;
}

BufferPlace activations_place(const Device& device) {
  const auto buffers = buffers_of(device);
  if (!buffers) {
    return {comm::host_memory, [](void* data, std::size_t bytes) { std::memset(data, 0, bytes); },
            [](void* to, const void* from, std::size_t bytes) { std::memcpy(to, from, bytes); }};
  }
  const auto clear = [exec = *device.exec](void* data, std::size_t bytes) {
    Kokkos::deep_copy(exec, Vector<std::byte>(static_cast<std::byte*>(data), bytes), std::byte{0});
    exec.fence();
  };
  const auto copy = [exec = *device.exec, in_order = buffers->copy_in_order](
                        void* to, const void* from, std::size_t bytes) {
    in_order(to, from, bytes);
    exec.fence();
  };
  return {buffers->memory, clear, copy};
}

}  // namespace tidemark::bench
