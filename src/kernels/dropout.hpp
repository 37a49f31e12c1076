// SPDX-License-Identifier: BSD-3-Clause
// Dropout (Srivastava et al., JMLR 2014) with counter-based masks. At the end of each half layer it
// is fused with the bias before it and the residual after it.
#pragma once

#include <cstdint>

#include "base/device.hpp"
#include "base/philox.hpp"

namespace tidemark::kernels {

/// Defines which elements of one tensor are dropped, by the global element index only.
struct Dropout {
  philox::Key key;
  std::uint64_t first_element = 0;  ///< global index of the local tensor's first element
  std::uint32_t threshold = 0;      ///< an element is kept if its random word is at least this
  double scale = 1.0;               ///< 1 / (1 - p), factor of kept elements
  bool active = false;              ///< p > 0: there is a mask
};

/// Dropout with probability p in [0, 1). An element is dropped with probability round(2^32 p) /
/// 2^32.
Dropout make_dropout(double p, philox::Key key, std::uint64_t first_element);

/// The dropout of the local tensor's elements, beginning with `element`.
inline Dropout from_element(Dropout dropout, std::int64_t element) {
  dropout.first_element += static_cast<std::uint64_t>(element);
  return dropout;
}

/// Draws the mask of the local elements [first, first + count) into `kept`, by the lanes of a team.
/// For use in kernels.
template <class Member>
KOKKOS_INLINE_FUNCTION void draw_mask(const Member& team, const Dropout& dropout,
                                      std::int64_t first, int count, std::uint8_t* kept) {
  // Bytes may alias anything. So the loop reads local copies, which stay in registers.
  const std::uint32_t threshold = dropout.threshold;
  const philox::Key key = dropout.key;
  philox::for_each_word(
      team, key, dropout.first_element + static_cast<std::uint64_t>(first), count,
      [=](const int j, const std::uint32_t word) { kept[j] = word >= threshold ? 1 : 0; });
  team.team_barrier();  // other lanes read the mask next
}

/// In place x -> dropout(x), and its mask. x, mask [R, h] are contiguous and consecutive in the
/// global tensor. Does nothing without dropout.
template <class T>
void dropout_forward(Device& device, const Dropout& dropout, const Matrix<T>& x, const Mask& mask);

/// In place: the gradient of dropout's output -> that of its input.
template <class T>
void dropout_backward(Device& device, const Dropout& dropout, const Mask& mask,
                      const Matrix<T>& gradient);

/// out = residual + dropout(z + bias), row by row, and the mask of kept elements. z, residual, out,
/// mask [R, h] are contiguous and consecutive in the global tensor. bias [h], or empty for no bias.
/// Without dropout the mask is not touched and may be empty.
template <class T>
void bias_dropout_add_forward(Device& device, const Dropout& dropout, const Matrix<T>& z,
                              const Vector<T>& bias, const Matrix<T>& residual, const Mask& mask,
                              const Matrix<T>& out);

/// dz = mask * scale * dy, and its column sums. dy, dz, mask [R, h]. bias_gradient [h] is
/// overwritten; it is empty if there is no bias.
template <class T>
void bias_dropout_add_backward(Device& device, const Dropout& dropout, const Matrix<T>& dy,
                               const Mask& mask, const Matrix<T>& dz,
                               const Vector<Accumulate<T>>& bias_gradient);

}  // namespace tidemark::kernels
