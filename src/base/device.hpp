// SPDX-License-Identifier: BSD-3-Clause
// The Kokkos execution space that Tidemark computes in, its memory, and the view types of the
// stack.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include <Kokkos_Core.hpp>

#include "base/dtype.hpp"
#include "base/product_library.hpp"
#include "base/stream_clock.hpp"

namespace tidemark {

namespace kernels {
class ProductCheck;
}

using ExecutionSpace = Kokkos::DefaultExecutionSpace;
using MemorySpace = ExecutionSpace::memory_space;

/// Row-major matrix that owns nothing. Its row stride may be larger than its number of columns.
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

/// True if kernels run on the processor's own cores.
inline constexpr bool runs_on_host =
    Kokkos::SpaceAccessibility<Kokkos::HostSpace, MemorySpace>::accessible;

/// True if kernels run on NVIDIA devices.
#if defined(KOKKOS_ENABLE_CUDA)
inline constexpr bool runs_on_cuda = std::is_same_v<ExecutionSpace, Kokkos::Cuda>;
#else
inline constexpr bool runs_on_cuda = false;
#endif

/// True if kernels run on AMD devices.
#if defined(KOKKOS_ENABLE_HIP)
inline constexpr bool runs_on_hip = std::is_same_v<MemorySpace, Kokkos::HIPSpace>;
#else
inline constexpr bool runs_on_hip = false;
#endif

/// When one kernel or product ran, by the host's clock.
struct KernelRecord {
  const char* label;  ///< a string literal
  std::chrono::steady_clock::time_point begin, end;
};
using KernelLog = std::vector<KernelRecord>;

/// Notes when the kernels of an instance run. On a host a kernel is complete when its launch
/// returns, and is noted then. On CUDA there is an event before and after each kernel, and
/// `collect` turns events into times. Elsewhere nothing tells when a kernel ran, and nothing is
/// noted.
class KernelWatch {
 public:
  using Mark = StreamClock::Mark;

  explicit KernelWatch(const ExecutionSpace& exec);
  KernelWatch(const KernelWatch&) = delete;
  KernelWatch& operator=(const KernelWatch&) = delete;

  /// Whether kernels are noted in this build.
  static constexpr bool works = runs_on_host || runs_on_cuda;

  /// Notes launches in `log`, which the caller owns, until `collect`.
  void begin(KernelLog& log);
  /// Completes the log. The device must be idle.
  void collect();
  /// Stops and leaves the log incomplete, for a step that has failed.
  void drop() noexcept { log_ = nullptr; }
  [[nodiscard]] bool is_noting() const noexcept { return log_ != nullptr; }

  /// The moment at which all launches up to now are done: an event on CUDA, null elsewhere.
  [[nodiscard]] Mark mark();
  /// Notes a kernel that ends now. It began at `first`, or if that is null at `begin` by the host's
  /// clock.
  void note(const char* label, std::chrono::steady_clock::time_point begin, Mark first);

 private:
  struct Marks {
    Mark first, last;
  };
  KernelLog* log_ = nullptr;
  CudaStream stream_;
  std::shared_ptr<StreamClock> clock_;  ///< on CUDA
  std::vector<Marks> marks_;            ///< of the log's entries, on CUDA
};

/// The caller's own instance of the execution space: a stream on a device. On a host it is the
/// default instance, because all instances share the cores.
ExecutionSpace own_instance();

/// The stream of an instance on CUDA; null elsewhere.
CudaStream stream_of(const ExecutionSpace& exec);

/// Copies `bytes` bytes within the memory of kernels, in the order of the instance.
void copy_in_order(const ExecutionSpace& exec, void* to, const void* from, std::size_t bytes);

/// The compute queue of this rank, which every kernel gets.
struct Device {
  /// The instance that kernels run on. It is empty in a dry run: nothing is launched, no memory is
  /// touched, and a step only makes its entries in the ledger. Then Kokkos need not be initialised.
  std::optional<ExecutionSpace> exec = own_instance();
  /// Floating-point operations of all products launched so far. A multiply and an add are two.
  std::uint64_t gemm_flops = 0;
  ProductMethod products =
      ProductMethod::of(runs_on_cuda ? ProductLibrary::cublas : ProductLibrary::kokkos_kernels);
  /// True: products of fp32 round their operands to TF32 (10 bits of mantissa) for tensor cores.
  bool rounds_to_tf32 = false;
  /// Notes launches while its log is open. null: nothing is noted. The caller owns it.
  KernelWatch* watch = nullptr;
  /// Checks products as they are formed, in one step of a verification. null: none is checked. The
  /// caller owns it.
  kernels::ProductCheck* product_check = nullptr;

  static Device dry_run() {
    Device device{std::nullopt};
    return device;
  }
  [[nodiscard]] bool launches() const { return exec.has_value(); }

  /// Waits for the kernels of this instance only, so that other instances are not disturbed.
  void fence() const {
    if (exec) exec->fence();
  }
};

/// Notes everything that is launched during its life as one kernel.
class KernelNote {
 public:
  KernelNote(const Device& device, const char* label)
      : watch_(device.watch != nullptr && device.watch->is_noting() ? device.watch : nullptr),
        label_(label) {
    if (watch_ == nullptr) return;
    first_ = watch_->mark();
    begin_ = std::chrono::steady_clock::now();
  }
  ~KernelNote() noexcept(false) {
    if (watch_ != nullptr) watch_->note(label_, begin_, first_);
  }
  KernelNote(const KernelNote&) = delete;
  KernelNote& operator=(const KernelNote&) = delete;

 private:
  KernelWatch* watch_;
  const char* label_;
  KernelWatch::Mark first_ = nullptr;
  std::chrono::steady_clock::time_point begin_;
};

/// Converts a number of teams to int, in which Kokkos counts them. Throws RunError with the name of
/// the kernel if there are too many.
int checked_teams(const char* label, std::int64_t teams);

/// Runs `body(team)` for every row, with one team per row; `team.league_rank()` is the row. The
/// lanes of a team run along the columns: a warp on a GPU, a vectorised loop on a host. Each team
/// may use `scratch_bytes` of memory of its own.
template <class Body>
void for_each_row(const Device& device, const char* label, std::int64_t rows, const Body& body,
                  int scratch_bytes = 0) {
  if (!device.launches() || rows == 0) return;
  constexpr int lanes = runs_on_host ? 1 : 32;
  const KernelNote note(device, label);
  TeamPolicy policy(*device.exec, checked_teams(label, rows), 1, lanes);
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

/// Pointer to the first element of a row. A kernel should take it once per row.
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
