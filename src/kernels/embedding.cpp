#include "kernels/embedding.hpp"

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

// Tokens that are the same id meet in one row of the gradient. Teams take strips of columns, and
// each goes through all tokens in order.
template <class T>
void embedding_backward(Device& device, const Tokens& tokens, std::int64_t first_id,
                        const Matrix<T>& dy, const Matrix<Accumulate<T>>& gradient) {
  using F = Accumulate<T>;
  constexpr std::int64_t strip = runs_on_host ? 512 : 32;
  const std::int64_t columns = num_columns(dy);
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

template <class T>
void dropout_forward(Device& device, const Dropout& dropout, const Matrix<T>& x, const Mask& mask) {
  if (!dropout.active) return;
  using F = Accumulate<T>;
  const int width = static_cast<int>(num_columns(x));
  const F scale = static_cast<F>(dropout.scale);
  const Dropout drop = dropout;
  for_each_row(
      device, "tidemark::dropout_forward", num_rows(x), KOKKOS_LAMBDA(const TeamMember& team) {
        const std::int64_t row = team.league_rank();
        T* const value = row_pointer(x, row);
        std::uint8_t* const kept = row_pointer(mask, row);
        draw_mask(team, drop, row * width, width, kept);
        Kokkos::parallel_for(Kokkos::ThreadVectorRange(team, width), [&](const int j) {
          value[j] = T(F(value[j]) * (scale * F(kept[j])));
        });
      });
}

template <class T>
void dropout_backward(Device& device, const Dropout& dropout, const Mask& mask,
                      const Matrix<T>& gradient) {
  if (!dropout.active) return;
  using F = Accumulate<T>;
  const int width = static_cast<int>(num_columns(gradient));
  const F scale = static_cast<F>(dropout.scale);
  for_each_row(
      device, "tidemark::dropout_backward", num_rows(gradient),
      KOKKOS_LAMBDA(const TeamMember& team) {
        const std::int64_t row = team.league_rank();
        T* const value = row_pointer(gradient, row);
        const std::uint8_t* const kept = row_pointer(mask, row);
        Kokkos::parallel_for(Kokkos::ThreadVectorRange(team, width), [&](const int j) {
          value[j] = T(F(value[j]) * (scale * F(kept[j])));
        });
      });
}

#define TIDEMARK_INSTANTIATE(T)                                                            \
  template void embedding_forward(Device&, const Tokens&, std::int64_t, const Matrix<T>&,  \
                                  const Matrix<T>&);                                       \
  template void embedding_backward(Device&, const Tokens&, std::int64_t, const Matrix<T>&, \
                                   const Matrix<Accumulate<T>>&);                          \
  template void dropout_forward(Device&, const Dropout&, const Matrix<T>&, const Mask&);   \
  template void dropout_backward(Device&, const Dropout&, const Mask&, const Matrix<T>&);
TIDEMARK_INSTANTIATE(bfloat16)
TIDEMARK_INSTANTIATE(float)
TIDEMARK_INSTANTIATE(double)
#undef TIDEMARK_INSTANTIATE

}  // namespace tidemark::kernels
