#include "kernels/softmax.hpp"

#include <cmath>
#include <type_traits>

namespace tidemark::kernels {

template <class T>
void softmax_dropout_forward(Device& device, const ScoreShape& shape, const Dropout& dropout,
                             const Matrix<Accumulate<T>>& scores, const Matrix<T>& probabilities,
                             const Mask& mask, const Matrix<T>& dropped) {
  using F = Accumulate<T>;
  constexpr bool narrow = is_narrow<T>;  // no `if constexpr` below: nvcc takes no capture from one
  const int keys = static_cast<int>(num_columns(scores));
  const F score_scale = static_cast<F>(shape.scale);
  const bool causal = shape.causal;
  const Dropout drop = dropout;
  const F keep_scale = static_cast<F>(dropout.scale);
  for_each_row(
      device, "tidemark::softmax_dropout_forward", num_rows(scores),
      KOKKOS_LAMBDA(const TeamMember& team) {
        const std::int64_t row = team.league_rank();
        const int seen = causal ? static_cast<int>(row % keys) + 1 : keys;
        F* const x = row_pointer(scores, row);
        T* const p = row_pointer(probabilities, row);
        F highest = x[0];
        Kokkos::parallel_reduce(
            Kokkos::ThreadVectorRange(team, seen),
            [&](const int j, F& part) { part = x[j] > part ? x[j] : part; },
            Kokkos::Max<F>(highest));
        F sum = F(0);
        Kokkos::parallel_reduce(
            Kokkos::ThreadVectorRange(team, seen),
            [&](const int j, F& part) {
              const F e = std::exp((x[j] - highest) * score_scale);
              x[j] = e;
              part += e;
            },
            sum);
        const F norm = F(1) / sum;
        const int hidden = keys - seen;
        Kokkos::parallel_for(Kokkos::ThreadVectorRange(team, hidden), [&](const int j) {
          p[seen + j] = T(F(0));
          if (narrow) x[seen + j] = F(0);
        });
        if (!drop.active) {
          Kokkos::parallel_for(Kokkos::ThreadVectorRange(team, seen), [&](const int j) {
            const T probability = T(x[j] * norm);
            p[j] = probability;
            if (narrow) x[j] = F(probability);
          });
          return;
        }
        T* const d = row_pointer(dropped, row);
        std::uint8_t* const kept = row_pointer(mask, row);
        // What is not seen is zero whether kept or not; drawing its words would be wasted work.
        draw_mask(team, drop, row * keys, seen, kept);
        Kokkos::parallel_for(Kokkos::ThreadVectorRange(team, hidden),
                             [&](const int j) { kept[seen + j] = 0; });
        Kokkos::parallel_for(Kokkos::ThreadVectorRange(team, hidden),
                             [&](const int j) { d[seen + j] = T(F(0)); });
        Kokkos::parallel_for(Kokkos::ThreadVectorRange(team, seen), [&](const int j) {
          const T probability = T(x[j] * norm);
          const T result = T(F(probability) * (keep_scale * F(kept[j])));
          p[j] = probability;
          d[j] = result;
          if (narrow) x[j] = F(result);
        });
      });
}

// With P = softmax(scale S) and g the gradient of P: dS = scale P (g - sum_j P_j g_j).
template <class T>
void softmax_dropout_backward(Device& device, const ScoreShape& shape, const Dropout& dropout,
                              const Matrix<T>& probabilities, const Mask& mask,
                              const Matrix<Accumulate<T>>& gradient) {
  using F = Accumulate<T>;
  const int keys = static_cast<int>(num_columns(probabilities));
  const F score_scale = static_cast<F>(shape.scale);
  const bool causal = shape.causal;
  const bool active = dropout.active;
  const F keep_scale = static_cast<F>(dropout.scale);
  for_each_row(
      device, "tidemark::softmax_dropout_backward", num_rows(probabilities),
      KOKKOS_LAMBDA(const TeamMember& team) {
        const std::int64_t row = team.league_rank();
        const int seen = causal ? static_cast<int>(row % keys) + 1 : keys;
        const T* const p = row_pointer(probabilities, row);
        F* const g = row_pointer(gradient, row);
        if (active) {
          const std::uint8_t* const kept = row_pointer(mask, row);
          Kokkos::parallel_for(Kokkos::ThreadVectorRange(team, seen),
                               [&](const int j) { g[j] *= keep_scale * F(kept[j]); });
        }
        F projection = F(0);
        Kokkos::parallel_reduce(
            Kokkos::ThreadVectorRange(team, seen),
            [&](const int j, F& part) { part += F(p[j]) * g[j]; }, projection);
        Kokkos::parallel_for(Kokkos::ThreadVectorRange(team, seen), [&](const int j) {
          g[j] = score_scale * F(p[j]) * (g[j] - projection);
        });
        Kokkos::parallel_for(Kokkos::ThreadVectorRange(team, keys - seen),
                             [&](const int j) { g[seen + j] = F(0); });
      });
}

#define TIDEMARK_INSTANTIATE(T)                                                         \
  template void softmax_dropout_forward(Device&, const ScoreShape&, const Dropout&,     \
                                        const Matrix<Accumulate<T>>&, const Matrix<T>&, \
                                        const Mask&, const Matrix<T>&);                 \
  template void softmax_dropout_backward(Device&, const ScoreShape&, const Dropout&,    \
                                         const Matrix<T>&, const Mask&,                 \
                                         const Matrix<Accumulate<T>>&);
TIDEMARK_INSTANTIATE(bfloat16)
TIDEMARK_INSTANTIATE(float)
TIDEMARK_INSTANTIATE(double)
#undef TIDEMARK_INSTANTIATE

}  // namespace tidemark::kernels
