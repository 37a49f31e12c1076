// SPDX-License-Identifier: BSD-3-Clause
#include "kernels/embedding.hpp"

#include <algorithm>

#include "base/scalars.hpp"

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
        const Bits<T>* const in = bits_of(row_pointer(table, own ? id : 0));
        Bits<T>* const out = bits_of(row_pointer(y, row));
        if (own) {
          Kokkos::parallel_for(Kokkos::ThreadVectorRange(team, width),
                               [&](const int j) { out[j] = in[j]; });
        } else {
          Kokkos::parallel_for(Kokkos::ThreadVectorRange(team, width),
                               [&](const int j) { out[j] = 0; });
        }
      });
}

namespace {

/// Columns per team. On a host all threads get a strip, if there are enough columns: at least 32,
/// which are one or two cache lines.
std::int64_t strip_width(const Device& device, std::int64_t columns) {
  constexpr std::int64_t least = 32;
  constexpr std::int64_t most = 512;
  if (!runs_on_host) return least;
  const std::int64_t threads = device.exec->concurrency();
  const std::int64_t share = (columns + threads - 1) / threads;
  return std::clamp<std::int64_t>((share + least - 1) / least * least, least, most);
}

}  // namespace

// Tokens with the same id add to the same row of the gradient. Each team has a strip of columns,
// and processes all tokens in order.
template <class T>
void embedding_backward(Device& device, const Tokens& tokens, std::int64_t first_id,
                        const Matrix<T>& dy, const Matrix<Accumulate<T>>& gradient) {
  using F = Accumulate<T>;
  if (!device.launches()) return;
  const std::int64_t columns = num_columns(dy);
  const std::int64_t strip = strip_width(device, columns);
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
