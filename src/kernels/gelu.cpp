// SPDX-License-Identifier: BSD-3-Clause
#include "kernels/gelu.hpp"

#include <cmath>

#include "base/scalars.hpp"
#include "kernels/column_sums.hpp"
#include "kernels/exponential.hpp"

namespace tidemark::kernels {

namespace {

// gelu(u) = u/2 (1 + tanh(z)) = u / (1 + exp(-2z)), z = sqrt(2/pi) (u + cubic u^3). The logistic
// form needs one exponential, and no difference that cancels.
constexpr double two_root_two_over_pi = 1.5957691216057307117597842397375;
constexpr double cubic = 0.044715;

// Beyond this |u| the logistic is 0 or 1 to far more digits than T has, and exp would leave T's
// range. Fast-math takes reciprocals by Newton's iteration, so it would turn that into inf * 0 =
// NaN.
template <class T>
KOKKOS_INLINE_FUNCTION T clamped(T u) {
  constexpr T far = sizeof(T) == sizeof(double) ? T(20) : T(9.5);
  const T below = u < far ? u : far;
  return below > -far ? below : -far;
}

// exp(-2z) of a clamped u
template <class T>
KOKKOS_INLINE_FUNCTION T decay_of(T u) {
  return exponential(-T(two_root_two_over_pi) * u * (T(1) + T(cubic) * u * u));
}

template <class T>
KOKKOS_INLINE_FUNCTION T gelu(T u) {
  return u / (T(1) + decay_of(clamped(u)));
}

// d/du [u g] = g + u g (1 - g) d(2z)/du. It uses 1 - g = exp(-2z) g, because the difference would
// have rounding errors. The slope, which grows with u^2, would magnify them.
template <class T>
KOKKOS_INLINE_FUNCTION T gelu_derivative(T u) {
  const T near = clamped(u);
  const T decay = decay_of(near);
  const T g = T(1) / (T(1) + decay);
  const T slope = T(two_root_two_over_pi) * (T(1) + T(3 * cubic) * near * near);
  return g + near * slope * (decay * g) * g;
}

}  // namespace

template <class T>
void bias_gelu_forward(Device& device, const Matrix<T>& u, const Vector<T>& bias,
                       const Matrix<T>& y) {
  using F = Accumulate<T>;
  const int width = static_cast<int>(num_columns(u));
  const T* const shift = bias.data();
  for_each_row(
      device, "tidemark::bias_gelu_forward", num_rows(u), KOKKOS_LAMBDA(const TeamMember& team) {
        const T* const in = row_pointer(u, team.league_rank());
        T* const out = row_pointer(y, team.league_rank());
        Kokkos::parallel_for(Kokkos::ThreadVectorRange(team, width),
                             [&](const int j) { out[j] = T(gelu(F(in[j]) + F(shift[j]))); });
      });
}

template <class T>
void bias_gelu_backward(Device& device, const Matrix<T>& u, const Vector<T>& bias,
                        const Matrix<T>& gradient, const Vector<Accumulate<T>>& bias_gradient) {
  using F = Accumulate<T>;
  const auto add_row =
      KOKKOS_LAMBDA(const TeamMember& team, const std::int64_t row, const std::int64_t first,
                    const int width, const detail::PartialSums<F>& partial) {
    const T* const in = row_pointer(u, row) + first;
    T* const out = row_pointer(gradient, row) + first;
    const T* const shift = bias.data() + first;
    F* const sum = partial.of_term(0);
    Kokkos::parallel_for(Kokkos::ThreadVectorRange(team, width), [&](const int j) {
      const F du = F(out[j]) * gelu_derivative(F(in[j]) + F(shift[j]));
      out[j] = T(du);
      sum[j] += du;
    });
  };
  detail::column_sums<F, 1>(device, "tidemark::bias_gelu_backward", num_rows(u), num_columns(u),
                            add_row, {bias_gradient});
}

#define TIDEMARK_INSTANTIATE(T)                                                                   \
  template void bias_gelu_forward(Device&, const Matrix<T>&, const Vector<T>&, const Matrix<T>&); \
  template void bias_gelu_backward(Device&, const Matrix<T>&, const Vector<T>&, const Matrix<T>&, \
                                   const Vector<Accumulate<T>>&);
TIDEMARK_FOR_EACH_SCALAR(TIDEMARK_INSTANTIATE)
#undef TIDEMARK_INSTANTIATE

}  // namespace tidemark::kernels
