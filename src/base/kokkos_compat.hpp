// SPDX-License-Identifier: BSD-3-Clause
// The differences between Kokkos 3.4, 4.x and 5.x that matter to Tidemark.
#pragma once

#include <KokkosBlas2_gemv.hpp>
#include <KokkosBlas3_gemm.hpp>
#include <Kokkos_Core.hpp>

namespace tidemark::compat {

/// KokkosBlas::gemm on an execution space instance, which Kokkos Kernels accepts since 4.0. With
/// older versions products run on the default instance, and other instances have to wait for its
/// kernels.
template <class Exec, class A, class B, class C>
void gemm([[maybe_unused]] const Exec& exec, const char op_a[], const char op_b[],
          typename A::const_value_type alpha, const A& a, const B& b,
          typename C::const_value_type beta, const C& c) {
#if KOKKOS_VERSION >= 40000
  // gemm takes a single column for contiguous, even if its stride is not 1 (4.7 does so, too).
  const bool is_column = op_a[0] == 'N' && op_b[0] == 'N' && b.extent(1) == 1;
  if (is_column && (b.stride(0) != 1 || c.stride(0) != 1)) {
    KokkosBlas::gemv(exec, "N", alpha, a, Kokkos::subview(b, Kokkos::ALL(), 0), beta,
                     Kokkos::subview(c, Kokkos::ALL(), 0));
    return;
  }
  KokkosBlas::gemm(exec, op_a, op_b, alpha, a, b, beta, c);
#else
  // A host space runs its kernels in order. The instances of a device need fences for that.
  constexpr bool in_order =
      Kokkos::SpaceAccessibility<Kokkos::HostSpace, typename Exec::memory_space>::accessible;
  if constexpr (!in_order) {
    exec.fence();
  }
  KokkosBlas::gemm(op_a, op_b, alpha, a, b, beta, c);
  if constexpr (!in_order) {
    Exec().fence();
  }
#endif
}

/// An instance of a device's space with its own stream. It is the default instance for a host's
/// space, and if Kokkos cannot make another one.
template <class Exec>
Exec own_instance() {
#if KOKKOS_VERSION >= 40000
  using namespace Kokkos;
  using namespace Kokkos::Experimental;  // its namespace before it became part of the core
  if constexpr (!SpaceAccessibility<HostSpace, typename Exec::memory_space>::accessible) {
    return partition_space(Exec(), 1)[0];
  } else {
    return Exec();
  }
#else
  return Exec();
#endif
}

}  // namespace tidemark::compat
