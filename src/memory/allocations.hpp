// SPDX-License-Identifier: BSD-3-Clause
// Counts memory that is allocated without the ledger.
#pragma once

#include <cstdint>
#include <string>

namespace tidemark::memory {

/// During its lifetime, it counts every allocation of Kokkos in any memory space, except those of 0
/// bytes. It uses Kokkos's tool interface. A loaded tool still gets its callbacks. At most one such
/// object may exist.
class AllocationWatch {
 public:
  AllocationWatch();
  ~AllocationWatch();
  AllocationWatch(const AllocationWatch&) = delete;
  AllocationWatch& operator=(const AllocationWatch&) = delete;

  [[nodiscard]] std::int64_t count() const;
  /// Label of the first counted allocation; empty if there was none.
  [[nodiscard]] std::string first() const;
};

}  // namespace tidemark::memory
