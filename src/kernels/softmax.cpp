#include "kernels/softmax.hpp"

#include <cmath>

namespace tidemark::kernels {

template <class T>
void softmax_dropout_forward(Device& device, const ScoreShape& shape, const Dropout& dropout,
                             const Matrix<T>& probabilities, const Mask& mask,
                             const Matrix<T>& dropped) {
  const int keys = static_cast<int>(num_columns(probabilities));
  const T score_scale = static_cast<T>(shape.scale);
  const bool causal = shape.causal;
  const Dropout drop = dropout;
  const T keep_scale = static_cast<T>(dropout.scale);
  Kokkos::parallel_for(
      "tidemark::softmax_dropout_forward", row_policy(device, num_rows(probabilities)),
      KOKKOS_LAMBDA(const TeamMember& team) {
        const std::int64_t row = team.league_rank();
        const int seen = causal ? static_cast<int>(row % keys) + 1 : keys;
        T* const p = row_pointer(probabilities, row);
        T highest = p[0];
        Kokkos::parallel_reduce(
            Kokkos::ThreadVectorRange(team, seen),
            [&](const int j, T& part) { part = p[j] > part ? p[j] : part; },
            Kokkos::Max<T>(highest));
        T sum = T(0);
        Kokkos::parallel_reduce(
            Kokkos::ThreadVectorRange(team, seen),
            [&](const int j, T& part) {
              const T e = std::exp((p[j] - highest) * score_scale);
              p[j] = e;
              part += e;
            },
            sum);
        const T norm = T(1) / sum;
        const int hidden = keys - seen;
        Kokkos::parallel_for(Kokkos::ThreadVectorRange(team, hidden),
                             [&](const int j) { p[seen + j] = T(0); });
        if (!drop.active) {
          Kokkos::parallel_for(Kokkos::ThreadVectorRange(team, seen),
                               [&](const int j) { p[j] *= norm; });
          return;
        }
        T* const d = row_pointer(dropped, row);
        std::uint8_t* const kept = row_pointer(mask, row);
        // What is not seen is zero whether kept or not; drawing its words would be wasted work.
        draw_mask(team, drop, row * keys, seen, kept);
        Kokkos::parallel_for(Kokkos::ThreadVectorRange(team, hidden),
                             [&](const int j) { kept[seen + j] = 0; });
        Kokkos::parallel_for(Kokkos::ThreadVectorRange(team, hidden),
                             [&](const int j) { d[seen + j] = T(0); });
        Kokkos::parallel_for(Kokkos::ThreadVectorRange(team, seen), [&](const int j) {
          const T probability = p[j] * norm;
          p[j] = probability;
          d[j] = probability * (keep_scale * T(kept[j]));
        });
      });
}

// With P = softmax(scale S) and g the gradient of P: dS = scale P (g - sum_j P_j g_j).
template <class T>
void softmax_dropout_backward(Device& device, const ScoreShape& shape, const Dropout& dropout,
                              const Matrix<T>& probabilities, const Mask& mask,
                              const Matrix<T>& gradient) {
  const int keys = static_cast<int>(num_columns(probabilities));
  const T score_scale = static_cast<T>(shape.scale);
  const bool causal = shape.causal;
  const bool active = dropout.active;
  const T keep_scale = static_cast<T>(dropout.scale);
  Kokkos::parallel_for(
      "tidemark::softmax_dropout_backward", row_policy(device, num_rows(probabilities)),
      KOKKOS_LAMBDA(const TeamMember& team) {
        const std::int64_t row = team.league_rank();
        const int seen = causal ? static_cast<int>(row % keys) + 1 : keys;
        const T* const p = row_pointer(probabilities, row);
        T* const g = row_pointer(gradient, row);
        if (active) {
          const std::uint8_t* const kept = row_pointer(mask, row);
          Kokkos::parallel_for(Kokkos::ThreadVectorRange(team, seen),
                               [&](const int j) { g[j] *= keep_scale * T(kept[j]); });
        }
        T projection = T(0);
        Kokkos::parallel_reduce(
            Kokkos::ThreadVectorRange(team, seen),
            [&](const int j, T& part) { part += p[j] * g[j]; }, projection);
        Kokkos::parallel_for(Kokkos::ThreadVectorRange(team, seen),
                             [&](const int j) { g[j] = score_scale * p[j] * (g[j] - projection); });
        Kokkos::parallel_for(Kokkos::ThreadVectorRange(team, keys - seen),
                             [&](const int j) { g[seen + j] = T(0); });
      });
}

#define TIDEMARK_INSTANTIATE(T)                                                           \
  template void softmax_dropout_forward(Device&, const ScoreShape&, const Dropout&,       \
                                        const Matrix<T>&, const Mask&, const Matrix<T>&); \
  template void softmax_dropout_backward(Device&, const ScoreShape&, const Dropout&,      \
                                         const Matrix<T>&, const Mask&, const Matrix<T>&);
TIDEMARK_INSTANTIATE(float)
TIDEMARK_INSTANTIATE(double)
#undef TIDEMARK_INSTANTIATE

}  // namespace tidemark::kernels
