// SPDX-License-Identifier: BSD-3-Clause
#include "kernels/convert.hpp"

namespace tidemark::kernels {

template <class From, class To>
void convert(Device& device, const MatrixBatch<From>& from, const MatrixBatch<To>& to) {
  const std::int64_t rows = num_rows(from.first);
  const int width = static_cast<int>(num_columns(from.first));
  for_each_row(
      device, "tidemark::convert", from.rows_of_all(), KOKKOS_LAMBDA(const TeamMember& team) {
        const BatchRow at = batch_row(team.league_rank(), rows);
        const From* const in = row_pointer(from, at);
        To* const out = row_pointer(to, at);
        Kokkos::parallel_for(Kokkos::ThreadVectorRange(team, width),
                             [&](const int j) { out[j] = static_cast<To>(in[j]); });
      });
}

template <class From, class To>
void convert(Device& device, const Matrix<From>& from, const Matrix<To>& to) {
  convert<From, To>(device, MatrixBatch<From>(from), MatrixBatch<To>(to));
}

#define TIDEMARK_INSTANTIATE(From, To)                                    \
  template void convert(Device&, const Matrix<From>&, const Matrix<To>&); \
  template void convert(Device&, const MatrixBatch<From>&, const MatrixBatch<To>&);
TIDEMARK_INSTANTIATE(bfloat16, float)
TIDEMARK_INSTANTIATE(float, bfloat16)
TIDEMARK_INSTANTIATE(bfloat16, bfloat16)
TIDEMARK_INSTANTIATE(float, float)
TIDEMARK_INSTANTIATE(double, double)
#undef TIDEMARK_INSTANTIATE

}  // namespace tidemark::kernels
