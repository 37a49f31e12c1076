// SPDX-License-Identifier: BSD-3-Clause
#include "kernels/swiglu.hpp"

#include <cmath>
#include <cstdint>
#include <cstring>

#include "base/scalars.hpp"
#include "kernels/exponential.hpp"

namespace tidemark::kernels {

namespace {

// Beyond this |u| the logistic is 0 or 1 to more digits than T has. There exp(-u), or a product
// with it that fast-math may form first, would leave T's range. The result would be inf * 0 = NaN.
template <class T>
inline constexpr T far = sizeof(T) == sizeof(double) ? T(300) : T(40);

// Tests the bits, because fast-math assumes that numbers are finite.
KOKKOS_INLINE_FUNCTION bool is_finite(float u) {
  std::uint32_t bits = 0;
  std::memcpy(&bits, &u, sizeof(bits));
  return (bits & 0x7f800000U) != 0x7f800000U;
}
KOKKOS_INLINE_FUNCTION bool is_finite(double u) {
  std::uint64_t bits = 0;
  std::memcpy(&bits, &u, sizeof(bits));
  return (bits & 0x7ff0000000000000U) != 0x7ff0000000000000U;
}

template <class T>
KOKKOS_INLINE_FUNCTION T not_below(T u) {
  return u > -far<T> ? u : -far<T>;
}

// exp(-u) of a u that `not_below` returned
template <class T>
KOKKOS_INLINE_FUNCTION T decay_of(T u) {
  return exponential(-(u < far<T> ? u : far<T>));
}

}  // namespace

template <class T>
void swiglu_forward(Device& device, const Matrix<T>& u, const Matrix<T>& y) {
  using F = Accumulate<T>;
  const int width = static_cast<int>(num_columns(y));
  for_each_row(
      device, "tidemark::swiglu_forward", num_rows(y), KOKKOS_LAMBDA(const TeamMember& team) {
        const T* const gate = row_pointer(u, team.league_rank());
        const T* const up = gate + width;
        T* const out = row_pointer(y, team.league_rank());
        Kokkos::parallel_for(Kokkos::ThreadVectorRange(team, width), [&](const int j) {
          const F raw = F(gate[j]);
          const F g = not_below(raw);
          const F y_j = g / (F(1) + decay_of(g)) * F(up[j]);
          out[j] = T(is_finite(raw) ? y_j : raw);  // so that a NaN stays a NaN
        });
      });
}

// With l = 1 / (1 + exp(-gate)): d silu / d gate = l + gate l (1 - l). It uses 1 - l = exp(-gate)
// l, because the difference would have rounding errors that the gate would magnify.
template <class T>
void swiglu_backward(Device& device, const Matrix<T>& dy, const Matrix<T>& u) {
  using F = Accumulate<T>;
  const int width = static_cast<int>(num_columns(dy));
  for_each_row(
      device, "tidemark::swiglu_backward", num_rows(dy), KOKKOS_LAMBDA(const TeamMember& team) {
        const T* const dout = row_pointer(dy, team.league_rank());
        T* const gate = row_pointer(u, team.league_rank());
        T* const up = gate + width;
        Kokkos::parallel_for(Kokkos::ThreadVectorRange(team, width), [&](const int j) {
          const F raw = F(gate[j]);
          const F g = not_below(raw);
          const F decay = decay_of(g);
          const F l = F(1) / (F(1) + decay);
          const F d = F(dout[j]);
          const F dgate = d * F(up[j]) * (l + g * l * (decay * l));
          const F dup = d * g * l;
          gate[j] = T(is_finite(raw) ? dgate : raw);
          up[j] = T(is_finite(raw) ? dup : raw);
        });
      });
}

#define TIDEMARK_INSTANTIATE(T)                                              \
  template void swiglu_forward(Device&, const Matrix<T>&, const Matrix<T>&); \
  template void swiglu_backward(Device&, const Matrix<T>&, const Matrix<T>&);
TIDEMARK_FOR_EACH_SCALAR(TIDEMARK_INSTANTIATE)
#undef TIDEMARK_INSTANTIATE

}  // namespace tidemark::kernels
