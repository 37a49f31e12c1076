// SPDX-License-Identifier: BSD-3-Clause
// The four mappings between the regions of a layer, each with the conjugate that its backward runs.
// Names and pairing follow Megatron-LM: Shoeybi et al. (2019) for f and its conjugate, Korthikanti
// et al. (2022) for g and its conjugate.
//
//   mapping                                       forward          backward
//   copy_to_tensor_parallel_region (f)            identity         all-reduce
//   reduce_from_tensor_parallel_region            all-reduce       identity
//   gather_from_sequence_parallel_region (g)      all-gather       reduce-scatter
//   reduce_scatter_to_sequence_parallel_region    reduce-scatter   all-gather
//
// Matrices are contiguous. A whole matrix [s b, h] has the same shape on every rank; a shard is [s
// b / t, h]. Each mapping waits for the device before the communicator uses a buffer, and returns
// when it is done. With one rank it copies or does nothing. The communicator throws errors
// (RunError).
#pragma once

#include "base/device.hpp"
#include "parallel/context.hpp"

namespace tidemark::parallel {

/// Identity, because every rank already has the whole activation.
template <class T>
Matrix<T> copy_to_tensor_parallel_region(const Matrix<T>& whole) {
  return whole;
}

/// Sums the ranks' partial gradients in place.
template <class T>
void copy_to_tensor_parallel_region_backward(const Context& context, const Matrix<T>& gradient);

/// Sums the ranks' partial products in place.
template <class T>
void reduce_from_tensor_parallel_region(const Context& context, const Matrix<T>& partial);

/// Identity, because every rank needs the whole gradient and has it.
template <class T>
Matrix<T> reduce_from_tensor_parallel_region_backward(const Matrix<T>& gradient) {
  return gradient;
}

/// Assembles the ranks' shards into `whole`.
template <class T>
void gather_from_sequence_parallel_region(const Context& context, const Matrix<T>& shard,
                                          const Matrix<T>& whole);

/// Sums the ranks' partial gradients and leaves this rank's rows in `shard`.
template <class T>
void gather_from_sequence_parallel_region_backward(const Context& context,
                                                   const Matrix<T>& gradient,
                                                   const Matrix<T>& shard);

/// Sums the ranks' partial products and leaves this rank's rows in `shard`.
template <class T>
void reduce_scatter_to_sequence_parallel_region(const Context& context, const Matrix<T>& partial,
                                                const Matrix<T>& shard);

/// Assembles the ranks' gradient shards into `whole`.
template <class T>
void reduce_scatter_to_sequence_parallel_region_backward(const Context& context,
                                                         const Matrix<T>& shard,
                                                         const Matrix<T>& whole);

// The same mappings, only started, to run concurrently with a product. The communicator uses the
// buffers until the request has been waited for.

template <class T>
[[nodiscard]] comm::Request start_copy_to_tensor_parallel_region_backward(
    const Context& context, const Matrix<T>& gradient);
template <class T>
[[nodiscard]] comm::Request start_reduce_from_tensor_parallel_region(const Context& context,
                                                                     const Matrix<T>& partial);
template <class T>
[[nodiscard]] comm::Request start_gather_from_sequence_parallel_region(const Context& context,
                                                                       const Matrix<T>& shard,
                                                                       const Matrix<T>& whole);
template <class T>
[[nodiscard]] comm::Request start_gather_from_sequence_parallel_region_backward(
    const Context& context, const Matrix<T>& gradient, const Matrix<T>& shard);

/// Concatenates the matrices [R, C] of all ranks by rows, in rank order, in `all` [t R, C]. The
/// loss needs this for its statistics, which no region shards.
template <class T>
void gather_rows(const Context& context, const Matrix<T>& own, const Matrix<T>& all);

}  // namespace tidemark::parallel
