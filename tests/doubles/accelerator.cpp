// SPDX-License-Identifier: BSD-3-Clause
// What the pool of activations takes from the device if no communicator lends it memory.
#include "base/accelerator.hpp"

#include "doubles/compute.hpp"

namespace tidemark::accelerator {

void* allocate(std::size_t bytes) { return doubles::allocate_plainly(bytes); }
void release(void* memory) noexcept { doubles::free_plainly(memory); }

}  // namespace tidemark::accelerator
