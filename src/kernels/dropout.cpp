// SPDX-License-Identifier: BSD-3-Clause
#include "kernels/dropout.hpp"

#include <cmath>

#include "base/scalars.hpp"
#include "kernels/column_sums.hpp"
#include "kernels/convert.hpp"

namespace tidemark::kernels {

Dropout make_dropout(double p, philox::Key key, std::uint64_t first_element) {
  Dropout dropout;
  dropout.key = key;
  dropout.first_element = first_element;
  dropout.threshold =
      static_cast<std::uint32_t>(std::fmin(std::floor(p * 4294967296.0 + 0.5), 4294967295.0));
  dropout.scale = 1.0 / (1.0 - p);
  dropout.active = p > 0.0;
  return dropout;
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

namespace {

template <class T>
struct Shift {
  const T* values;
  KOKKOS_INLINE_FUNCTION Accumulate<T> operator()(int j) const { return Accumulate<T>(values[j]); }
};

template <class T>
struct NoShift {
  KOKKOS_INLINE_FUNCTION Accumulate<T> operator()(int) const { return Accumulate<T>(0); }
};

/// out = residual + dropout(z + shift)
template <class T, class ShiftOf>
void dropout_add(Device& device, const Dropout& dropout, const Matrix<T>& z, const ShiftOf& shift,
                 const Matrix<T>& residual, const Mask& mask, const Matrix<T>& out) {
  using F = Accumulate<T>;
  const int width = static_cast<int>(num_columns(z));
  const ShiftOf shift_of = shift;
  const F scale = static_cast<F>(dropout.scale);
  const Dropout drop = dropout;
  for_each_row(
      device, "tidemark::bias_dropout_add_forward", num_rows(z),
      KOKKOS_LAMBDA(const TeamMember& team) {
        const std::int64_t row = team.league_rank();
        const T* const in = row_pointer(z, row);
        const T* const skip = row_pointer(residual, row);
        T* const sum = row_pointer(out, row);
        if (!drop.active) {
          Kokkos::parallel_for(Kokkos::ThreadVectorRange(team, width), [&](const int j) {
            sum[j] = T(F(skip[j]) + (F(in[j]) + shift_of(j)));
          });
          return;
        }
        std::uint8_t* const kept = row_pointer(mask, row);
        draw_mask(team, drop, row * width, width, kept);
        Kokkos::parallel_for(Kokkos::ThreadVectorRange(team, width), [&](const int j) {
          sum[j] = T(F(skip[j]) + (F(in[j]) + shift_of(j)) * (scale * F(kept[j])));
        });
      });
}

}  // namespace

template <class T>
void bias_dropout_add_forward(Device& device, const Dropout& dropout, const Matrix<T>& z,
                              const Vector<T>& bias, const Matrix<T>& residual, const Mask& mask,
                              const Matrix<T>& out) {
  if (bias.extent(0) == 0) {
    dropout_add(device, dropout, z, NoShift<T>{}, residual, mask, out);
  } else {
    dropout_add(device, dropout, z, Shift<T>{bias.data()}, residual, mask, out);
  }
}

template <class T>
void bias_dropout_add_backward(Device& device, const Dropout& dropout, const Matrix<T>& dy,
                               const Mask& mask, const Matrix<T>& dz,
                               const Vector<Accumulate<T>>& bias_gradient) {
  if (bias_gradient.extent(0) == 0) {
    convert(device, dy, dz);
    dropout_backward(device, dropout, mask, dz);
    return;
  }
  using F = Accumulate<T>;
  const F scale = static_cast<F>(dropout.scale);
  const bool active = dropout.active;
  const auto add_row =
      KOKKOS_LAMBDA(const TeamMember& team, const std::int64_t row, const std::int64_t first,
                    const int width, const detail::PartialSums<F>& partial) {
    const T* const in = row_pointer(dy, row) + first;
    T* const out = row_pointer(dz, row) + first;
    F* const sum = partial.of_term(0);
    if (!active) {
      Kokkos::parallel_for(Kokkos::ThreadVectorRange(team, width),
                           [&](const int j) { bits_of(out)[j] = bits_of(in)[j]; });
      Kokkos::parallel_for(Kokkos::ThreadVectorRange(team, width),
                           [&](const int j) { sum[j] += F(in[j]); });
      return;
    }
    const std::uint8_t* const kept = row_pointer(mask, row) + first;
    Kokkos::parallel_for(Kokkos::ThreadVectorRange(team, width), [&](const int j) {
      const F value = F(in[j]) * (scale * F(kept[j]));
      out[j] = T(value);
      sum[j] += value;
    });
  };
  detail::column_sums<F, 1>(device, "tidemark::bias_dropout_add_backward", num_rows(dy),
                            num_columns(dy), add_row, {bias_gradient});
}

#define TIDEMARK_INSTANTIATE(T)                                                                   \
  template void dropout_forward(Device&, const Dropout&, const Matrix<T>&, const Mask&);          \
  template void dropout_backward(Device&, const Dropout&, const Mask&, const Matrix<T>&);         \
  template void bias_dropout_add_forward(Device&, const Dropout&, const Matrix<T>&,               \
                                         const Vector<T>&, const Matrix<T>&, const Mask&,         \
                                         const Matrix<T>&);                                       \
  template void bias_dropout_add_backward(Device&, const Dropout&, const Matrix<T>&, const Mask&, \
                                          const Matrix<T>&, const Vector<Accumulate<T>>&);
TIDEMARK_FOR_EACH_SCALAR(TIDEMARK_INSTANTIATE)
#undef TIDEMARK_INSTANTIATE

}  // namespace tidemark::kernels
