// SPDX-License-Identifier: BSD-3-Clause
#include "comm/first_calls.hpp"

#include <cstddef>

#include "comm/algorithms/memory_block.hpp"

namespace tidemark::comm {

namespace {

/// Makes one call of each kind. `whole` and `part` have `bytes` bytes each.
void carry_out_each(Communicator& communicator, void* whole, void* part, std::size_t bytes) {
  const auto ranks = static_cast<std::size_t>(communicator.size());
  const auto own = static_cast<std::size_t>(communicator.rank());
  const std::size_t block = bytes / sizeof(float) / ranks;
  constexpr Purpose purpose = Purpose::activation;
  const auto complete = [&](Request request) { communicator.wait(request); };
  complete(communicator.all_reduce(whole, block * ranks, DType::fp32, purpose));
  complete(communicator.all_gather(part, whole, block, DType::fp32, purpose));
  complete(communicator.reduce_scatter(whole, part, block, DType::fp32, purpose));
  for (std::size_t step = 1; step < ranks; ++step) {
    const int to = static_cast<int>((own + step) % ranks);
    const int from = static_cast<int>((own + ranks - step) % ranks);
    complete(communicator.exchange(whole, to, part, from, block, DType::fp32, purpose));
  }
}

}  // namespace

void carry_out_first_calls(Communicator& communicator, const MemorySource& memory) {
  constexpr std::size_t shortest = 4096;
  constexpr std::size_t longest = std::size_t{16} << 20;
  if (communicator.size() == 1) return;
  const MemoryBlock block(memory, 2 * longest);
  for (const std::size_t bytes : {shortest, longest}) {
    carry_out_each(communicator, block.data(), block.data() + longest, bytes);
  }
  communicator.fence();
  communicator.reset_counters();
}

}  // namespace tidemark::comm
