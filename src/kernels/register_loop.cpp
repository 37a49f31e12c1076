// SPDX-License-Identifier: BSD-3-Clause
#include "kernels/register_loop.hpp"

#include <Kokkos_Core.hpp>

#include "base/device.hpp"

// Only on x86: other processors need another number of chains, or have units for matrices.
#if defined(__x86_64__) && !defined(KOKKOS_ENABLE_CUDA) && !defined(KOKKOS_ENABLE_HIP)
#define TIDEMARK_HAS_REGISTER_LOOP
#include <cpuid.h>
#if defined(__AVX512BF16__)
#include <immintrin.h>
#endif
#endif

namespace tidemark::kernels {

#if !defined(TIDEMARK_HAS_REGISTER_LOOP)

bool has_register_loop(DType) { return false; }
double run_register_loop(DType, std::int64_t) { return 0.0; }

#else

namespace {

#if defined(__AVX512F__)
constexpr int register_bytes = 64;
#elif defined(__AVX__)
constexpr int register_bytes = 32;
#else
constexpr int register_bytes = 16;
#endif

// Chains hide the latency of an operation: 4 to 6 cycles on two units. With two operands they fit
// into the 16 registers of AVX2.
constexpr int chains = 12;

template <class T>
struct Lanes {
  using Sum __attribute__((vector_size(register_bytes))) = T;
  using Operand = Sum;
  static constexpr int lanes = register_bytes / static_cast<int>(sizeof(T));
  static constexpr int products_per_lane = 1;

  static Sum sum_of(T value) { return Sum{} + value; }
  static Operand operand_of(T value) { return sum_of(value); }
  static Sum step(const Sum& sum, const Operand& factor, const Operand& term) {
    return sum * factor + term;
  }
};

#if defined(__AVX512BF16__)
/// Dot products of pairs of bf16, added to sums in fp32.
struct DotLanes {
  using Sum = __m512;
  using Operand = __m512bh;
  static constexpr int lanes = 16;
  static constexpr int products_per_lane = 2;

  static Sum sum_of(float value) { return _mm512_set1_ps(value); }
  static Operand operand_of(float value) {
    return _mm512_cvtne2ps_pbh(sum_of(value), sum_of(value));
  }
  static Sum step(const Sum& sum, const Operand& left, const Operand& right) {
    return _mm512_dpbf16_ps(sum, left, right);
  }
};
#endif

/// The rounds of one thread. The compiler does not know the operands, and the result depends on
/// every lane of every chain, so that it leaves nothing out. The values stay finite.
template <class L, class T>
T chains_of(std::int64_t rounds, T factor, T term) {
  const typename L::Operand x = L::operand_of(factor);
  const typename L::Operand y = L::operand_of(term);
  // Loops of constant length are unrolled, so that the sums stay in registers.
  typename L::Sum sums[chains];
  for (int i = 0; i < chains; ++i) sums[i] = L::sum_of(T(i));  // equal chains would be merged
  for (std::int64_t round = 0; round < rounds; ++round) {
    for (int i = 0; i < chains; ++i) sums[i] = L::step(sums[i], x, y);
  }
  T total{};
  for (int i = 0; i < chains; ++i) {
    for (int lane = 0; lane < L::lanes; ++lane) total += sums[i][lane];
  }
  return total;
}

/// What the processor has, which may be more than the program was compiled for. Libraries use it.
struct Features {
  bool avx2, avx512f, avx512_bf16, amx_bf16;
};

Features features() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  Features found{};
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0) return found;
  found.avx2 = (b >> 5U & 1U) != 0;
  found.avx512f = (b >> 16U & 1U) != 0;
  found.amx_bf16 = (d >> 22U & 1U) != 0;
  if (__get_cpuid_count(7, 1, &a, &b, &c, &d) != 0) found.avx512_bf16 = (a >> 5U & 1U) != 0;
  return found;
}

template <class L, class T>
double run_on_all_threads(std::int64_t rounds) {
  using Space = Kokkos::DefaultHostExecutionSpace;
  const int threads = Space().concurrency();
  // Volatile: the compiler must not compute the result in advance.
  volatile T factor = T(0.999);
  volatile T term = T(0.001);
  const T x = factor;
  const T y = term;
  T sum{};
  Kokkos::parallel_reduce(
      "tidemark::register_loop", Kokkos::RangePolicy<Space>(0, threads),
      [=](const int, T& total) { total += chains_of<L>(rounds, x, y); }, sum);
  volatile T kept = sum;
  static_cast<void>(kept);
  constexpr double operations_per_round = 2.0 * chains * L::lanes * L::products_per_lane;
  return operations_per_round * static_cast<double>(rounds) * threads;
}

}  // namespace

bool has_register_loop(DType dtype) {
  static const Features cpu = features();  // cpuid is slow on a virtual machine
#if !defined(__AVX512F__)
  if (cpu.avx512f) return false;
#endif
#if !defined(__AVX2__)
  if (cpu.avx2) return false;
#endif
#if !defined(__AVX512BF16__)
  if (dtype == DType::bf16 && cpu.avx512_bf16) return false;
#endif
  return dtype != DType::bf16 || !cpu.amx_bf16;
}

double run_register_loop(DType dtype, std::int64_t rounds) {
  if (!has_register_loop(dtype)) return 0.0;
  if (dtype == DType::fp64) return run_on_all_threads<Lanes<double>, double>(rounds);
#if defined(__AVX512BF16__)
  if (dtype == DType::bf16) return run_on_all_threads<DotLanes, float>(rounds);
#endif
  // Without instructions for bf16, products of bf16 are formed in fp32.
  return run_on_all_threads<Lanes<float>, float>(rounds);
}

#endif

}  // namespace tidemark::kernels
