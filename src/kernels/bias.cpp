#include "kernels/bias.hpp"

#include "kernels/column_sums.hpp"

namespace tidemark::kernels {

template <class T>
void bias_forward(Device& device, const Vector<T>& bias, const Matrix<T>& y) {
  const int width = static_cast<int>(num_columns(y));
  const T* const in = bias.data();
  Kokkos::parallel_for(
      "tidemark::bias_forward", row_policy(device, num_rows(y)),
      KOKKOS_LAMBDA(const TeamMember& team) {
        T* const out = row_pointer(y, team.league_rank());
        Kokkos::parallel_for(Kokkos::ThreadVectorRange(team, width),
                             [&](const int j) { out[j] = in[j]; });
      });
}

template <class T>
void bias_backward(Device& device, const Matrix<T>& dy, const Vector<T>& bias_gradient) {
  const auto add_row = KOKKOS_LAMBDA(const TeamMember& team, const std::int64_t row,
                                     const std::int64_t first, const int width, T* const sum) {
    const T* const in = row_pointer(dy, row) + first;
    Kokkos::parallel_for(Kokkos::ThreadVectorRange(team, width),
                         [&](const int j) { sum[j] += in[j]; });
  };
  detail::column_sums<T, 1>(device, "tidemark::bias_backward", num_rows(dy), num_columns(dy),
                            add_row, {bias_gradient});
}

#define TIDEMARK_INSTANTIATE(T)                                            \
  template void bias_forward(Device&, const Vector<T>&, const Matrix<T>&); \
  template void bias_backward(Device&, const Matrix<T>&, const Vector<T>&);
TIDEMARK_INSTANTIATE(float)
TIDEMARK_INSTANTIATE(double)
#undef TIDEMARK_INSTANTIATE

}  // namespace tidemark::kernels
