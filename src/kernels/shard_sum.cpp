// SPDX-License-Identifier: BSD-3-Clause
#include "kernels/shard_sum.hpp"

#include "base/scalars.hpp"

namespace tidemark::kernels {

template <class T>
void shard_sum(Device& device, int rank, const Matrix<T>& own, const Matrix<T>& arrived,
               const Matrix<T>& out) {
  using F = Accumulate<T>;
  const int width = static_cast<int>(num_columns(out));
  const std::int64_t height = num_rows(out);
  const int others = height == 0 ? 0 : static_cast<int>(num_rows(arrived) / height);
  for_each_row(
      device, "tidemark::shard_sum", height, KOKKOS_LAMBDA(const TeamMember& team) {
        const std::int64_t row = team.league_rank();
        const T* const mine = row_pointer(own, row);
        T* const to = row_pointer(out, row);
        const auto part = [&](const int index) {
          return index == rank
                     ? mine
                     : row_pointer(arrived, (index < rank ? index : index - 1) * height + row);
        };
        // This case avoids a loop over the ranks inside the loop over the columns.
        if (others == 1) {
          const T* const a = part(0);
          const T* const b = part(1);
          Kokkos::parallel_for(Kokkos::ThreadVectorRange(team, width),
                               [&](const int j) { to[j] = T(F(a[j]) + F(b[j])); });
          return;
        }
        Kokkos::parallel_for(Kokkos::ThreadVectorRange(team, width), [&](const int j) {
          F sum = F(0);
          for (int index = 0; index <= others; ++index) sum += F(part(index)[j]);
          to[j] = T(sum);
        });
      });
}

#define TIDEMARK_INSTANTIATE(T) \
  template void shard_sum(Device&, int, const Matrix<T>&, const Matrix<T>&, const Matrix<T>&);
TIDEMARK_FOR_EACH_SCALAR(TIDEMARK_INSTANTIATE)
#undef TIDEMARK_INSTANTIATE

}  // namespace tidemark::kernels
