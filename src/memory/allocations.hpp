// Counts the memory that is allocated behind the ledger's back.
#pragma once

#include <cstdint>
#include <string>

namespace tidemark::memory {

/// As long as it lives, counts every allocation of some bytes that Kokkos makes in any memory
/// space, by Kokkos's own tool interface; a tool that is loaded goes on seeing them. One at a time.
class AllocationWatch {
 public:
  AllocationWatch();
  ~AllocationWatch();
  AllocationWatch(const AllocationWatch&) = delete;
  AllocationWatch& operator=(const AllocationWatch&) = delete;

  [[nodiscard]] std::int64_t count() const;
  /// Label of the first one; empty where there was none.
  [[nodiscard]] std::string first() const;
};

}  // namespace tidemark::memory
