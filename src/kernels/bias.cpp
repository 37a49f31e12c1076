// SPDX-License-Identifier: BSD-3-Clause
#include "kernels/bias.hpp"

#include "base/scalars.hpp"
#include "kernels/column_sums.hpp"

namespace tidemark::kernels {

template <class T>
void bias_forward(Device& device, const Vector<T>& bias, const Matrix<T>& y) {
  const int width = static_cast<int>(num_columns(y));
  const Bits<T>* const in = bits_of(bias.data());
  for_each_row(
      device, "tidemark::bias_forward", num_rows(y), KOKKOS_LAMBDA(const TeamMember& team) {
        Bits<T>* const out = bits_of(row_pointer(y, team.league_rank()));
        Kokkos::parallel_for(Kokkos::ThreadVectorRange(team, width),
                             [&](const int j) { out[j] = in[j]; });
      });
}

template <class T>
void bias_backward(Device& device, const Matrix<T>& dy,
                   const Vector<Accumulate<T>>& bias_gradient) {
  using F = Accumulate<T>;
  const auto add_row =
      KOKKOS_LAMBDA(const TeamMember& team, const std::int64_t row, const std::int64_t first,
                    const int width, const detail::PartialSums<F>& partial) {
    const T* const in = row_pointer(dy, row) + first;
    F* const sum = partial.of_term(0);
    Kokkos::parallel_for(Kokkos::ThreadVectorRange(team, width),
                         [&](const int j) { sum[j] += F(in[j]); });
  };
  detail::column_sums<F, 1>(device, "tidemark::bias_backward", num_rows(dy), num_columns(dy),
                            add_row, {bias_gradient});
}

#define TIDEMARK_INSTANTIATE(T)                                            \
  template void bias_forward(Device&, const Vector<T>&, const Matrix<T>&); \
  template void bias_backward(Device&, const Matrix<T>&, const Vector<Accumulate<T>>&);
TIDEMARK_FOR_EACH_SCALAR(TIDEMARK_INSTANTIATE)
#undef TIDEMARK_INSTANTIATE

}  // namespace tidemark::kernels
