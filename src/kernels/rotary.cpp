// SPDX-License-Identifier: BSD-3-Clause
#include "kernels/rotary.hpp"

#include <cmath>

#include "base/scalars.hpp"

namespace tidemark::kernels {

template <class F>
void fill_rotary_table(const Device& device, double theta, const Matrix<F>& table) {
  if (!device.launches()) return;
  const auto host = Kokkos::create_mirror_view(table);
  const std::int64_t pairs = num_columns(table) / 2;
  for (std::int64_t position = 0; position < num_rows(table); ++position) {
    for (std::int64_t j = 0; j < pairs; ++j) {
      const double angle = static_cast<double>(position) *
                           std::pow(theta, -static_cast<double>(j) / static_cast<double>(pairs));
      host(position, j) = static_cast<F>(std::cos(angle));
      host(position, j + pairs) = static_cast<F>(std::sin(angle));
    }
  }
  Kokkos::deep_copy(*device.exec, table, host);
  device.fence();
}

template <class T>
void rotate(Device& device, const RotaryShape& shape, const Matrix<Accumulate<T>>& table, Turn turn,
            const Matrix<T>& x) {
  using F = Accumulate<T>;
  const RotaryShape at = shape;
  const F sign = turn == Turn::forward ? F(1) : F(-1);
  const int pairs = static_cast<int>(shape.head_size / 2);
  for_each_row(
      device, "tidemark::rotate", num_rows(x), KOKKOS_LAMBDA(const TeamMember& team) {
        const std::int64_t row = team.league_rank();
        const F* const cosine = row_pointer(table, row / at.batch);
        const F* const sine = cosine + pairs;
        T* group = row_pointer(x, row);
        for (std::int64_t g = 0; g < at.groups; ++g) {
          for (std::int64_t head = 0; head < at.turning; ++head) {
            T* const lower = group + head * at.head_size;
            T* const upper = lower + pairs;
            Kokkos::parallel_for(Kokkos::ThreadVectorRange(team, pairs), [&](const int j) {
              const F u = F(lower[j]);
              const F v = F(upper[j]);
              lower[j] = T(u * cosine[j] - v * (sign * sine[j]));
              upper[j] = T(v * cosine[j] + u * (sign * sine[j]));
            });
          }
          group += (at.turning + at.resting) * at.head_size;
        }
      });
}

template void fill_rotary_table(const Device&, double, const Matrix<float>&);
template void fill_rotary_table(const Device&, double, const Matrix<double>&);
#define TIDEMARK_INSTANTIATE(T)                                                         \
  template void rotate(Device&, const RotaryShape&, const Matrix<Accumulate<T>>&, Turn, \
                       const Matrix<T>&);
TIDEMARK_FOR_EACH_SCALAR(TIDEMARK_INSTANTIATE)
#undef TIDEMARK_INSTANTIATE

}  // namespace tidemark::kernels
