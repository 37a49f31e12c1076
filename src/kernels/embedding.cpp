// SPDX-License-Identifier: BSD-3-Clause
#include "kernels/embedding.hpp"

#include "base/scalars.hpp"
#include "kernels/column_sums.hpp"

namespace tidemark::kernels {

template <class T>
void embedding_forward(Device& device, const Tokens& tokens, std::int64_t first_id,
                       const Matrix<T>& table, const Matrix<T>& y) {
  const int width = static_cast<int>(num_columns(y));
  const std::int64_t ids = num_rows(table);
  const Tokens text = tokens;
  for_each_row(
      device, "tidemark::embedding_forward", num_rows(y), KOKKOS_LAMBDA(const TeamMember& team) {
        const std::int64_t row = team.league_rank();
        const std::int64_t id = text.input(row) - first_id;
        const bool own = id >= 0 && id < ids;
        const T* const in = row_pointer(table, own ? id : 0);
        T* const out = row_pointer(y, row);
        Kokkos::parallel_for(Kokkos::ThreadVectorRange(team, width),
                             [&](const int j) { out[j] = own ? in[j] : T(0.0F); });
      });
}

// Tokens with the same id add to the same row of the gradient. Each team has a strip of columns,
// and processes all tokens in order.
template <class T>
void embedding_backward(Device& device, const Tokens& tokens, std::int64_t first_id,
                        const Matrix<T>& dy, const Matrix<Accumulate<T>>& gradient) {
  using F = Accumulate<T>;
  if (!device.launches()) return;
  const std::int64_t columns = num_columns(dy);
  const std::int64_t strip = detail::strip_width(device, columns);
  const std::int64_t count = num_rows(dy);
  const std::int64_t ids = num_rows(gradient);
  const Tokens text = tokens;
  for_each_row(
      device, "tidemark::embedding_backward", (columns + strip - 1) / strip,
      KOKKOS_LAMBDA(const TeamMember& team) {
        const std::int64_t first = team.league_rank() * strip;
        const std::int64_t left = columns - first;
        const int width = static_cast<int>(left < strip ? left : strip);
        for (std::int64_t row = 0; row < count; ++row) {
          const std::int64_t id = text.input(row) - first_id;
          if (id < 0 || id >= ids) continue;
          const T* const in = row_pointer(dy, row) + first;
          F* const sum = row_pointer(gradient, id) + first;
          Kokkos::parallel_for(Kokkos::ThreadVectorRange(team, width),
                               [&](const int j) { sum[j] += F(in[j]); });
        }
      });
}

#define TIDEMARK_INSTANTIATE(T)                                                            \
  template void embedding_forward(Device&, const Tokens&, std::int64_t, const Matrix<T>&,  \
                                  const Matrix<T>&);                                       \
  template void embedding_backward(Device&, const Tokens&, std::int64_t, const Matrix<T>&, \
                                   const Matrix<Accumulate<T>>&);
TIDEMARK_FOR_EACH_SCALAR(TIDEMARK_INSTANTIATE)
#undef TIDEMARK_INSTANTIATE

}  // namespace tidemark::kernels
