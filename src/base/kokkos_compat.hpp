// SPDX-License-Identifier: BSD-3-Clause
// All that differs between Kokkos 3.4, 4.x and 5.x as far as Tidemark can tell.
#pragma once

#include <KokkosBlas2_gemv.hpp>
#include <KokkosBlas3_gemm.hpp>
#include <Kokkos_Core.hpp>

namespace tidemark::compat {

/// KokkosBlas::gemm on an execution space instance, which Kokkos Kernels accepts since 4.0; before,
/// products run on the default instance, whose kernels other instances then have to wait for.
template <class Exec, class A, class B, class C>
void gemm([[maybe_unused]] const Exec& exec, const char op_a[], const char op_b[],
          typename A::const_value_type alpha, const A& a, const B& b,
          typename C::const_value_type beta, const C& c) {
#if KOKKOS_VERSION >= 40000
  // It would take a single column for contiguous, whatever its stride (so does 4.7).
  const bool is_column = op_a[0] == 'N' && op_b[0] == 'N' && b.extent(1) == 1;
  if (is_column && (b.stride(0) != 1 || c.stride(0) != 1)) {
    KokkosBlas::gemv(exec, "N", alpha, a, Kokkos::subview(b, Kokkos::ALL(), 0), beta,
                     Kokkos::subview(c, Kokkos::ALL(), 0));
    return;
  }
  KokkosBlas::gemm(exec, op_a, op_b, alpha, a, b, beta, c);
#else
  // A host space works its kernels off in order; a device's instances have to be made to.
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

/// An instance of a device's space with a stream of its own; of a host's, and where Kokkos cannot
/// make one, the default instance.
template <class Exec>
Exec own_instance() {
#if KOKKOS_VERSION >= 40000
  using namespace Kokkos;
  using namespace Kokkos::Experimental;  // where it stood before it became part of the core
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
