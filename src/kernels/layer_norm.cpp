// SPDX-License-Identifier: BSD-3-Clause
#include "kernels/layer_norm.hpp"

#include <cmath>

#include "base/scalars.hpp"
#include "kernels/norm_backward.hpp"

namespace tidemark::kernels {

template <class T>
void layer_norm_forward(Device& device, const Matrix<T>& x, const Vector<T>& weight,
                        const Vector<T>& bias, const Matrix<T>& y,
                        const Matrix<Accumulate<T>>& statistics) {
  using F = Accumulate<T>;
  const int width = static_cast<int>(num_columns(x));
  const T* const gain = weight.data();
  const T* const shift = bias.data();
  for_each_row(
      device, "tidemark::layer_norm_forward", num_rows(x), KOKKOS_LAMBDA(const TeamMember& team) {
        const int row = team.league_rank();
        const T* const in = row_pointer(x, row);
        T* const out = row_pointer(y, row);
        F sum = F(0);
        Kokkos::parallel_reduce(
            Kokkos::ThreadVectorRange(team, width), [&](const int j, F& part) { part += F(in[j]); },
            sum);
        const F mean = sum / F(width);
        // A second pass over a row in the cache costs little and avoids cancellation.
        F squares = F(0);
        Kokkos::parallel_reduce(
            Kokkos::ThreadVectorRange(team, width),
            [&](const int j, F& part) { part += (F(in[j]) - mean) * (F(in[j]) - mean); }, squares);
        const F rstd = F(1) / std::sqrt(squares / F(width) + F(layer_norm_epsilon));
        Kokkos::parallel_for(Kokkos::ThreadVectorRange(team, width), [&](const int j) {
          out[j] = T((F(in[j]) - mean) * rstd * F(gain[j]) + F(shift[j]));
        });
        Kokkos::single(Kokkos::PerThread(team), [&]() {
          statistics(row, 0) = mean;
          statistics(row, 1) = rstd;
        });
      });
}

namespace {

struct LayerNorm {
  // With x' = (x - mean) rstd and g = dy * weight: dx = rstd (g - mean(g) - x' mean(g x')).
  template <class T>
  KOKKOS_INLINE_FUNCTION static void add_input_gradient(const TeamMember& team,
                                                        const detail::NormPass<T>& pass,
                                                        std::int64_t row) {
    using F = Accumulate<T>;
    const int width = static_cast<int>(pass.x.extent(1));
    const T* const gain = pass.weight.data();
    const T* const in = row_pointer(pass.x, row);
    const T* const dout = row_pointer(pass.dy, row);
    T* const out = row_pointer(pass.gradient, row);
    const F mean = pass.statistics(row, 0);
    const F rstd = pass.statistics(row, 1);
    F sum = F(0);
    Kokkos::parallel_reduce(
        Kokkos::ThreadVectorRange(team, width),
        [=](const int j, F& part) { part += F(dout[j]) * F(gain[j]); }, sum);
    F projection = F(0);
    Kokkos::parallel_reduce(
        Kokkos::ThreadVectorRange(team, width),
        [=](const int j, F& part) { part += F(dout[j]) * F(gain[j]) * (F(in[j]) - mean); },
        projection);
    const F offset = sum / F(width);
    const F slope = projection * rstd * rstd / F(width);
    Kokkos::parallel_for(Kokkos::ThreadVectorRange(team, width), [=](const int j) {
      const F added = rstd * (F(dout[j]) * F(gain[j]) - offset - (F(in[j]) - mean) * slope);
      out[j] = T(F(out[j]) + added);
    });
  }

  template <class T>
  KOKKOS_INLINE_FUNCTION static void add_terms(const TeamMember& team,
                                               const detail::NormPass<T>& pass, std::int64_t row,
                                               std::int64_t first, int width,
                                               const detail::PartialSums<Accumulate<T>>& partial) {
    using F = Accumulate<T>;
    const T* const in = row_pointer(pass.x, row) + first;
    const T* const dout = row_pointer(pass.dy, row) + first;
    F* const weight_sum = partial.of_term(0);
    F* const bias_sum = partial.of_term(1);
    const F mean = pass.statistics(row, 0);
    const F rstd = pass.statistics(row, 1);
    Kokkos::parallel_for(Kokkos::ThreadVectorRange(team, width), [&](const int j) {
      weight_sum[j] += F(dout[j]) * (F(in[j]) - mean) * rstd;
    });
    Kokkos::parallel_for(Kokkos::ThreadVectorRange(team, width),
                         [&](const int j) { bias_sum[j] += F(dout[j]); });
  }
};

}  // namespace

template <class T>
void layer_norm_backward(Device& device, const Matrix<T>& dy, const Matrix<T>& x,
                         const Vector<T>& weight, const Matrix<Accumulate<T>>& statistics,
                         const Matrix<T>& gradient, const Vector<Accumulate<T>>& weight_gradient,
                         const Vector<Accumulate<T>>& bias_gradient) {
  detail::norm_backward<LayerNorm, 2, T>(
      device, "tidemark::layer_norm_backward_input", "tidemark::layer_norm_backward",
      {dy, x, weight, statistics, gradient}, {weight_gradient, bias_gradient});
}

#define TIDEMARK_INSTANTIATE(T)                                                                    \
  template void layer_norm_forward(Device&, const Matrix<T>&, const Vector<T>&, const Vector<T>&,  \
                                   const Matrix<T>&, const Matrix<Accumulate<T>>&);                \
  template void layer_norm_backward(Device&, const Matrix<T>&, const Matrix<T>&, const Vector<T>&, \
                                    const Matrix<Accumulate<T>>&, const Matrix<T>&,                \
                                    const Vector<Accumulate<T>>&, const Vector<Accumulate<T>>&);
TIDEMARK_FOR_EACH_SCALAR(TIDEMARK_INSTANTIATE)
#undef TIDEMARK_INSTANTIATE

}  // namespace tidemark::kernels
