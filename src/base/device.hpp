// Where Tidemark computes: the Kokkos execution space, its memory, and the view types of the stack.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include <Kokkos_Core.hpp>

#include "base/dtype.hpp"

namespace tidemark {

using ExecutionSpace = Kokkos::DefaultExecutionSpace;
using MemorySpace = ExecutionSpace::memory_space;

/// Row-major matrix that owns nothing; a row stride larger than the number of columns is allowed.
template <class T>
using Matrix =
    Kokkos::View<T**, Kokkos::LayoutRight, MemorySpace, Kokkos::MemoryTraits<Kokkos::Unmanaged>>;

/// Contiguous vector that owns nothing.
template <class T>
using Vector =
    Kokkos::View<T*, Kokkos::LayoutRight, MemorySpace, Kokkos::MemoryTraits<Kokkos::Unmanaged>>;

using Mask = Matrix<std::uint8_t>;  ///< dropout mask: 1 keeps the element, 0 drops it
using TeamPolicy = Kokkos::TeamPolicy<ExecutionSpace>;
using TeamMember = TeamPolicy::member_type;

/// True where kernels run on the processor's own cores.
inline constexpr bool runs_on_host =
    Kokkos::SpaceAccessibility<Kokkos::HostSpace, MemorySpace>::accessible;

/// One kernel, or product, as the host saw it.
struct KernelRecord {
  const char* label;  ///< a string literal
  std::chrono::steady_clock::time_point begin, end;
};
using KernelLog = std::vector<KernelRecord>;

/// The compute queue of this rank, handed to every kernel.
struct Device {
  /// Where kernels run. Empty for a device on paper, on which nothing is launched and no memory is
  /// touched: a step then makes its entries in the ledger and does nothing else. Such a device does
  /// not need Kokkos to be initialised.
  std::optional<ExecutionSpace> exec = ExecutionSpace();
  /// Floating-point operations (a multiply and an add are two) of all products launched so far.
  std::uint64_t gemm_flops = 0;
  /// Where kernels on the host are noted, which are complete when their launch returns; null:
  /// nowhere. The caller owns it.
  KernelLog* kernel_log = nullptr;

  static Device on_paper() {
    Device device{std::nullopt};
    return device;
  }
  [[nodiscard]] bool launches() const { return exec.has_value(); }

  /// Waits for the kernels of this instance only, so that what runs elsewhere is not disturbed.
  void fence() const {
    if (exec) exec->fence();
  }
};

/// Notes what is launched during its life as one kernel.
class KernelNote {
 public:
  KernelNote(const Device& device, const char* label) : log_(device.kernel_log), label_(label) {
    if (log_ != nullptr) begin_ = std::chrono::steady_clock::now();
  }
  ~KernelNote() {
    if (log_ != nullptr) log_->push_back({label_, begin_, std::chrono::steady_clock::now()});
  }
  KernelNote(const KernelNote&) = delete;
  KernelNote& operator=(const KernelNote&) = delete;

 private:
  KernelLog* log_;
  const char* label_;
  std::chrono::steady_clock::time_point begin_;
};

/// Runs `body(team)` for every row, `team.league_rank()` being the row: one team a row, its lanes
/// along the columns: a warp on a GPU, a vectorised loop on a host. A team may take `scratch_bytes`
/// of memory for itself.
template <class Body>
void for_each_row(const Device& device, const char* label, std::int64_t rows, const Body& body,
                  int scratch_bytes = 0) {
  if (!device.launches() || rows == 0) return;
  constexpr int lanes = runs_on_host ? 1 : 32;
  const KernelNote note(device, label);
  TeamPolicy policy(*device.exec, static_cast<int>(rows), 1, lanes);
  if (scratch_bytes > 0) policy.set_scratch_size(0, Kokkos::PerTeam(scratch_bytes));
  Kokkos::parallel_for(label, policy, body);
}

/// The columns [first, first + count) of a matrix, as a matrix with the same row stride.
template <class T>
Matrix<T> columns(const Matrix<T>& matrix, std::int64_t first, std::int64_t count) {
  return Kokkos::subview(matrix, Kokkos::ALL(),
                         std::pair<std::int64_t, std::int64_t>(first, first + count));
}

/// The rows [first, first + count) of a matrix.
template <class T>
Matrix<T> rows(const Matrix<T>& matrix, std::int64_t first, std::int64_t count) {
  return Kokkos::subview(matrix, std::pair<std::int64_t, std::int64_t>(first, first + count),
                         Kokkos::ALL());
}

/// All elements of a contiguous matrix, end to end.
template <class T>
Vector<T> as_vector(const Matrix<T>& matrix) {
  return Vector<T>(matrix.data(), matrix.extent(0) * matrix.extent(1));
}

/// Pointer to the first element of a row, to be taken once per row inside a kernel.
template <class T>
KOKKOS_INLINE_FUNCTION T* row_pointer(const Matrix<T>& matrix, std::int64_t row) {
  return matrix.data() + row * static_cast<std::int64_t>(matrix.stride(0));
}

template <class T>
std::int64_t num_rows(const Matrix<T>& matrix) {
  return static_cast<std::int64_t>(matrix.extent(0));
}
template <class T>
std::int64_t num_columns(const Matrix<T>& matrix) {
  return static_cast<std::int64_t>(matrix.extent(1));
}

}  // namespace tidemark
