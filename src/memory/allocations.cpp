// SPDX-License-Identifier: BSD-3-Clause
#include "memory/allocations.hpp"

#include <Kokkos_Core.hpp>

#include "base/error.hpp"

namespace tidemark::memory {

namespace {

namespace tools = Kokkos::Tools::Experimental;

// Kokkos calls a plain function without an object for each allocation. So the counts are in a
// static object.
struct Seen {
  bool watching = false;
  std::int64_t count = 0;
  std::string first;
  Kokkos_Profiling_allocateDataFunction next = nullptr;
};

Seen& seen() {
  static Seen instance;
  return instance;
}

void note(const Kokkos_Profiling_SpaceHandle space, const char* label, const void* pointer,
          const std::uint64_t bytes) {
  Seen& now = seen();
  // Kokkos also reports its scratch memory for each launch on a device, even if it has 0 bytes.
  if (bytes > 0 && now.count++ == 0) now.first = label;
  if (now.next != nullptr) now.next(space, label, pointer, bytes);
}

}  // namespace

AllocationWatch::AllocationWatch() {
  TIDEMARK_REQUIRE(!seen().watching, "allocations are watched already");
  seen() = {true, 0, "", tools::get_callbacks().allocate_data};
  tools::set_allocate_data_callback(&note);
}

AllocationWatch::~AllocationWatch() {
  tools::set_allocate_data_callback(seen().next);
  seen().watching = false;
}

std::int64_t AllocationWatch::count() const { return seen().count; }

std::string AllocationWatch::first() const { return seen().first; }

}  // namespace tidemark::memory
