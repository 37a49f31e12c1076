// SPDX-License-Identifier: BSD-3-Clause
#include "kernels/fill.hpp"

#include "base/scalars.hpp"

namespace tidemark::kernels {

template <class T>
void fill_uniform(Device& device, const Matrix<T>& matrix, philox::Key key,
                  const GlobalPlace& place, double centre, double width) {
  const int count = static_cast<int>(num_columns(matrix));
  const GlobalPlace at = place;
  for_each_row(
      device, "tidemark::fill_uniform", num_rows(matrix), KOKKOS_LAMBDA(const TeamMember& team) {
        const std::int64_t row = team.league_rank();
        T* const out = row_pointer(matrix, row);
        const std::int64_t first = (at.first_row + row) * at.columns + at.first_column;
        philox::for_each_word(team, key, static_cast<std::uint64_t>(first), count,
                              [&](const int j, const std::uint32_t word) {
                                out[j] =
                                    static_cast<T>(centre + width * philox::centred_uniform(word));
                              });
      });
}

template <class T>
void fill_zero(Device& device, const Matrix<T>& matrix) {
  const int count = static_cast<int>(num_columns(matrix));
  for_each_row(
      device, "tidemark::fill_zero", num_rows(matrix), KOKKOS_LAMBDA(const TeamMember& team) {
        T* const out = row_pointer(matrix, team.league_rank());
        Kokkos::parallel_for(Kokkos::ThreadVectorRange(team, count),
                             [&](const int j) { out[j] = T(0.0F); });
      });
}

#define TIDEMARK_INSTANTIATE(T)                                                                  \
  template void fill_uniform(Device&, const Matrix<T>&, philox::Key, const GlobalPlace&, double, \
                             double);                                                            \
  template void fill_zero(Device&, const Matrix<T>&);
TIDEMARK_FOR_EACH_SCALAR(TIDEMARK_INSTANTIATE)
#undef TIDEMARK_INSTANTIATE

}  // namespace tidemark::kernels
