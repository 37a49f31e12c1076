// SPDX-License-Identifier: BSD-3-Clause
// The backward of a norm over the rows of a matrix: the gradients of its input and its parameters.
#pragma once

#include <cstdint>

#include "kernels/column_sums.hpp"

namespace tidemark::kernels::detail {

/// What the backward of a norm reads, and the gradient that it adds to. Matrices are [R, h] and
/// weight [h]; statistics are those of the forward.
template <class T>
struct NormPass {
  Matrix<T> dy, x;
  Vector<T> weight;
  Matrix<Accumulate<T>> statistics;
  Matrix<T> gradient;
};

/// `Norm` has two static functions for the lanes of a team: `add_input_gradient(team, pass, row)`
/// for a whole row, and `add_terms(team, pass, row, first, width, partial)` for the sums of the
/// parameters' gradients, as column_sums has it. The labels must be literals.
template <class Norm, int N, class T>
void norm_backward(Device& device, const char* input_label, const char* label,
                   const NormPass<T>& given,
                   const Kokkos::Array<Vector<Accumulate<T>>, N>& parameter_gradients) {
  using F = Accumulate<T>;
  const NormPass<T> pass = given;
  if (!runs_on_host) {
    for_each_row(
        device, input_label, num_rows(pass.x), KOKKOS_LAMBDA(const TeamMember& team) {
          Norm::add_input_gradient(team, pass, team.league_rank());
        });
  }
  const auto add_row =
      KOKKOS_LAMBDA(const TeamMember& team, const std::int64_t row, const std::int64_t first,
                    const int width, const PartialSums<F>& partial) {
    // On a host both are made while the row is in the cache. On a device a team has a strip only.
    if (runs_on_host && first == 0) Norm::add_input_gradient(team, pass, row);
    Norm::add_terms(team, pass, row, first, width, partial);
  };
  column_sums<F, N>(device, label, num_rows(pass.x), num_columns(pass.x), add_row,
                    parameter_gradients);
}

}  // namespace tidemark::kernels::detail
