#include "kernels/norm.hpp"

#include <cmath>

#include "kernels/column_sums.hpp"

namespace tidemark::kernels {

template <class T>
void layer_norm_forward(Device& device, const Matrix<T>& x, const Vector<T>& weight,
                        const Vector<T>& bias, const Matrix<T>& y, const Matrix<T>& statistics) {
  const int width = static_cast<int>(num_columns(x));
  const T* const gain = weight.data();
  const T* const shift = bias.data();
  Kokkos::parallel_for(
      "tidemark::layer_norm_forward", row_policy(device, num_rows(x)),
      KOKKOS_LAMBDA(const TeamMember& team) {
        const int row = team.league_rank();
        const T* const in = row_pointer(x, row);
        T* const out = row_pointer(y, row);
        T sum = T(0);
        Kokkos::parallel_reduce(
            Kokkos::ThreadVectorRange(team, width), [&](const int j, T& part) { part += in[j]; },
            sum);
        const T mean = sum / T(width);
        // A second pass over a row that lies in cache costs little and cancels nothing.
        T squares = T(0);
        Kokkos::parallel_reduce(
            Kokkos::ThreadVectorRange(team, width),
            [&](const int j, T& part) { part += (in[j] - mean) * (in[j] - mean); }, squares);
        const T rstd = T(1) / std::sqrt(squares / T(width) + T(layer_norm_epsilon));
        Kokkos::parallel_for(Kokkos::ThreadVectorRange(team, width), [&](const int j) {
          out[j] = (in[j] - mean) * rstd * gain[j] + shift[j];
        });
        Kokkos::single(Kokkos::PerThread(team), [&]() {
          statistics(row, 0) = mean;
          statistics(row, 1) = rstd;
        });
      });
}

namespace {

// With x' = (x - mean) rstd and g = dy * weight: dx = rstd (g - mean(g) - x' mean(g x')).
template <class T>
void add_input_gradient(Device& device, const Matrix<T>& dy, const Matrix<T>& x,
                        const Vector<T>& weight, const Matrix<T>& statistics,
                        const Matrix<T>& gradient) {
  const int width = static_cast<int>(num_columns(x));
  const T* const gain = weight.data();
  Kokkos::parallel_for(
      "tidemark::layer_norm_backward_input", row_policy(device, num_rows(x)),
      KOKKOS_LAMBDA(const TeamMember& team) {
        const int row = team.league_rank();
        const T* const in = row_pointer(x, row);
        const T* const dout = row_pointer(dy, row);
        T* const out = row_pointer(gradient, row);
        const T mean = statistics(row, 0);
        const T rstd = statistics(row, 1);
        T sum = T(0);
        T projection = T(0);
        Kokkos::parallel_reduce(
            Kokkos::ThreadVectorRange(team, width),
            [&](const int j, T& part) { part += dout[j] * gain[j]; }, sum);
        Kokkos::parallel_reduce(
            Kokkos::ThreadVectorRange(team, width),
            [&](const int j, T& part) { part += dout[j] * gain[j] * (in[j] - mean); }, projection);
        const T offset = sum / T(width);
        const T slope = projection * rstd * rstd / T(width);
        Kokkos::parallel_for(Kokkos::ThreadVectorRange(team, width), [&](const int j) {
          out[j] += rstd * (dout[j] * gain[j] - offset - (in[j] - mean) * slope);
        });
      });
}

}  // namespace

template <class T>
void layer_norm_backward(Device& device, const Matrix<T>& dy, const Matrix<T>& x,
                         const Vector<T>& weight, const Matrix<T>& statistics,
                         const Matrix<T>& gradient, const Vector<T>& weight_gradient,
                         const Vector<T>& bias_gradient) {
  add_input_gradient(device, dy, x, weight, statistics, gradient);
  const auto add_row = KOKKOS_LAMBDA(const TeamMember& team, const std::int64_t row,
                                     const std::int64_t first, const int width, T* const partial) {
    const T* const in = row_pointer(x, row) + first;
    const T* const dout = row_pointer(dy, row) + first;
    T* const weight_sum = partial;
    T* const bias_sum = partial + detail::strip_columns;
    const T mean = statistics(row, 0);
    const T rstd = statistics(row, 1);
    Kokkos::parallel_for(Kokkos::ThreadVectorRange(team, width), [&](const int j) {
      weight_sum[j] += dout[j] * (in[j] - mean) * rstd;
      bias_sum[j] += dout[j];
    });
  };
  detail::column_sums<T, 2>(device, "tidemark::layer_norm_backward_parameters", num_rows(x),
                            num_columns(x), add_row, {weight_gradient, bias_gradient});
}

#define TIDEMARK_INSTANTIATE(T)                                                                    \
  template void layer_norm_forward(Device&, const Matrix<T>&, const Vector<T>&, const Vector<T>&,  \
                                   const Matrix<T>&, const Matrix<T>&);                            \
  template void layer_norm_backward(Device&, const Matrix<T>&, const Matrix<T>&, const Vector<T>&, \
                                    const Matrix<T>&, const Matrix<T>&, const Vector<T>&,          \
                                    const Vector<T>&);
TIDEMARK_INSTANTIATE(float)
TIDEMARK_INSTANTIATE(double)
#undef TIDEMARK_INSTANTIATE

}  // namespace tidemark::kernels
