// SPDX-License-Identifier: BSD-3-Clause
#include "kernels/rms_norm.hpp"

#include <cmath>

#include "base/scalars.hpp"
#include "kernels/norm_backward.hpp"

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

struct RmsNorm {
  // With x' = x rrms and g = dy * weight: dx = rrms (g - x' mean(g x')).
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
    const F rrms = pass.statistics(row, 0);
    F projection = F(0);
    Kokkos::parallel_reduce(
        Kokkos::ThreadVectorRange(team, width),
        [=](const int j, F& part) { part += F(dout[j]) * F(gain[j]) * F(in[j]); }, projection);
    const F slope = projection * rrms * rrms / F(width);
    Kokkos::parallel_for(Kokkos::ThreadVectorRange(team, width), [=](const int j) {
      const F added = rrms * (F(dout[j]) * F(gain[j]) - F(in[j]) * slope);
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
    F* const sum = partial.of_term(0);
    const F rrms = pass.statistics(row, 0);
    Kokkos::parallel_for(Kokkos::ThreadVectorRange(team, width),
                         [&](const int j) { sum[j] += F(dout[j]) * F(in[j]) * rrms; });
  }
};

}  // namespace

template <class T>
void rms_norm_backward(Device& device, const Matrix<T>& dy, const Matrix<T>& x,
                       const Vector<T>& weight, const Matrix<Accumulate<T>>& statistics,
                       const Matrix<T>& gradient, const Vector<Accumulate<T>>& weight_gradient) {
  detail::norm_backward<RmsNorm, 1, T>(device, "tidemark::rms_norm_backward_input",
                                       "tidemark::rms_norm_backward",
                                       {dy, x, weight, statistics, gradient}, {weight_gradient});
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
