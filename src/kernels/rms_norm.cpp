// SPDX-License-Identifier: BSD-3-Clause
#include "kernels/rms_norm.hpp"

#include <cmath>

#include "base/scalars.hpp"
#include "kernels/column_sums.hpp"

namespace tidemark::kernels {

template <class T>
void rms_norm_forward(Device& device, const Matrix<T>& x, const Vector<T>& weight,
                      const Matrix<T>& y, const Matrix<Accumulate<T>>& statistics) {
  using F = Accumulate<T>;
  const int width = static_cast<int>(num_columns(x));
  const T* const gain = weight.data();
  for_each_row(
      device, "tidemark::rms_norm_forward", num_rows(x), KOKKOS_LAMBDA(const TeamMember& team) {
        const int row = team.league_rank();
        const T* const in = row_pointer(x, row);
        T* const out = row_pointer(y, row);
        F squares = F(0);
        Kokkos::parallel_reduce(
            Kokkos::ThreadVectorRange(team, width),
            [&](const int j, F& part) { part += F(in[j]) * F(in[j]); }, squares);
        const F rrms = F(1) / std::sqrt(squares / F(width) + F(rms_norm_epsilon));
        Kokkos::parallel_for(Kokkos::ThreadVectorRange(team, width),
                             [&](const int j) { out[j] = T(F(in[j]) * rrms * F(gain[j])); });
        Kokkos::single(Kokkos::PerThread(team), [&]() { statistics(row, 0) = rrms; });
      });
}

namespace {

// With x' = x rrms and g = dy * weight: dx = rrms (g - x' mean(g x')).
template <class T>
void add_input_gradient(Device& device, const Matrix<T>& dy, const Matrix<T>& x,
                        const Vector<T>& weight, const Matrix<Accumulate<T>>& statistics,
                        const Matrix<T>& gradient) {
  using F = Accumulate<T>;
  const int width = static_cast<int>(num_columns(x));
  const T* const gain = weight.data();
  for_each_row(
      device, "tidemark::rms_norm_backward_input", num_rows(x),
      KOKKOS_LAMBDA(const TeamMember& team) {
        const int row = team.league_rank();
        const T* const in = row_pointer(x, row);
        const T* const dout = row_pointer(dy, row);
        T* const out = row_pointer(gradient, row);
        const F rrms = statistics(row, 0);
        F projection = F(0);
        Kokkos::parallel_reduce(
            Kokkos::ThreadVectorRange(team, width),
            [&](const int j, F& part) { part += F(dout[j]) * F(gain[j]) * F(in[j]); }, projection);
        const F slope = projection * rrms * rrms / F(width);
        Kokkos::parallel_for(Kokkos::ThreadVectorRange(team, width), [&](const int j) {
          const F added = rrms * (F(dout[j]) * F(gain[j]) - F(in[j]) * slope);
          out[j] = T(F(out[j]) + added);
        });
      });
}

}  // namespace

template <class T>
void rms_norm_backward(Device& device, const Matrix<T>& dy, const Matrix<T>& x,
                       const Vector<T>& weight, const Matrix<Accumulate<T>>& statistics,
                       const Matrix<T>& gradient, const Vector<Accumulate<T>>& weight_gradient) {
  using F = Accumulate<T>;
  add_input_gradient(device, dy, x, weight, statistics, gradient);
  const auto add_row = KOKKOS_LAMBDA(const TeamMember& team, const std::int64_t row,
                                     const std::int64_t first, const int width, F* const sum) {
    const T* const in = row_pointer(x, row) + first;
    const T* const dout = row_pointer(dy, row) + first;
    const F rrms = statistics(row, 0);
    Kokkos::parallel_for(Kokkos::ThreadVectorRange(team, width),
                         [&](const int j) { sum[j] += F(dout[j]) * F(in[j]) * rrms; });
  };
  detail::column_sums<F, 1>(device, "tidemark::rms_norm_backward_parameters", num_rows(x),
                            num_columns(x), add_row, {weight_gradient});
}

#define TIDEMARK_INSTANTIATE(T)                                                                  \
  template void rms_norm_forward(Device&, const Matrix<T>&, const Vector<T>&, const Matrix<T>&,  \
                                 const Matrix<Accumulate<T>>&);                                  \
  template void rms_norm_backward(Device&, const Matrix<T>&, const Matrix<T>&, const Vector<T>&, \
                                  const Matrix<Accumulate<T>>&, const Matrix<T>&,                \
                                  const Vector<Accumulate<T>>&);
TIDEMARK_FOR_EACH_SCALAR(TIDEMARK_INSTANTIATE)
#undef TIDEMARK_INSTANTIATE

}  // namespace tidemark::kernels
