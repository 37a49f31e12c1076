// SPDX-License-Identifier: BSD-3-Clause
#include "parallel/mappings.hpp"

#include "base/dtype.hpp"
#include "base/error.hpp"
#include "base/scalars.hpp"
#include "comm/operation.hpp"

namespace tidemark::parallel {

namespace {

using comm::Purpose;

template <class T>
std::size_t elements(const Matrix<T>& matrix) {
  return matrix.extent(0) * matrix.extent(1);
}

void finish(const Context& context, comm::Request request) { context.communicator.wait(request); }

template <class T>
comm::Request all_reduce(const Context& context, const Matrix<T>& buffer) {
  context.wait_for_kernels();
  return context.communicator.all_reduce(buffer.data(), elements(buffer), dtype_of<T>,
                                         Purpose::activation);
}

template <class T>
comm::Request all_gather(const Context& context, const Matrix<T>& shard, const Matrix<T>& whole) {
  TIDEMARK_REQUIRE(elements(whole) == elements(shard) * static_cast<std::size_t>(context.ranks()),
                   "a gathered activation is t shards");
  context.wait_for_kernels();
  return context.communicator.all_gather(shard.data(), whole.data(), elements(shard), dtype_of<T>,
                                         Purpose::activation);
}

template <class T>
comm::Request reduce_scatter(const Context& context, const Matrix<T>& whole,
                             const Matrix<T>& shard) {
  TIDEMARK_REQUIRE(elements(whole) == elements(shard) * static_cast<std::size_t>(context.ranks()),
                   "a scattered activation is t shards");
  context.wait_for_kernels();
  return context.communicator.reduce_scatter(whole.data(), shard.data(), elements(shard),
                                             dtype_of<T>, Purpose::activation);
}

}  // namespace

template <class T>
void copy_to_tensor_parallel_region_backward(const Context& context, const Matrix<T>& gradient) {
  finish(context, all_reduce(context, gradient));
}

template <class T>
void reduce_from_tensor_parallel_region(const Context& context, const Matrix<T>& partial) {
  finish(context, all_reduce(context, partial));
}

template <class T>
void gather_from_sequence_parallel_region(const Context& context, const Matrix<T>& shard,
                                          const Matrix<T>& whole) {
  finish(context, all_gather(context, shard, whole));
}

template <class T>
void gather_from_sequence_parallel_region_backward(const Context& context,
                                                   const Matrix<T>& gradient,
                                                   const Matrix<T>& shard) {
  finish(context, reduce_scatter(context, gradient, shard));
}

template <class T>
void reduce_scatter_to_sequence_parallel_region(const Context& context, const Matrix<T>& partial,
                                                const Matrix<T>& shard) {
  finish(context, reduce_scatter(context, partial, shard));
}

template <class T>
void reduce_scatter_to_sequence_parallel_region_backward(const Context& context,
                                                         const Matrix<T>& shard,
                                                         const Matrix<T>& whole) {
  finish(context, all_gather(context, shard, whole));
}

template <class T>
void gather_rows(const Context& context, const Matrix<T>& own, const Matrix<T>& all) {
  finish(context, all_gather(context, own, all));
}

template <class T>
comm::Request start_copy_to_tensor_parallel_region_backward(const Context& context,
                                                            const Matrix<T>& gradient) {
  return all_reduce(context, gradient);
}

template <class T>
comm::Request start_reduce_from_tensor_parallel_region(const Context& context,
                                                       const Matrix<T>& partial) {
  return all_reduce(context, partial);
}

template <class T>
comm::Request start_gather_from_sequence_parallel_region(const Context& context,
                                                         const Matrix<T>& shard,
                                                         const Matrix<T>& whole) {
  return all_gather(context, shard, whole);
}

template <class T>
comm::Request start_gather_from_sequence_parallel_region_backward(const Context& context,
                                                                  const Matrix<T>& gradient,
                                                                  const Matrix<T>& shard) {
  return reduce_scatter(context, gradient, shard);
}

#define TIDEMARK_INSTANTIATE(T)                                                                 \
  template void copy_to_tensor_parallel_region_backward(const Context&, const Matrix<T>&);      \
  template void reduce_from_tensor_parallel_region(const Context&, const Matrix<T>&);           \
  template void gather_from_sequence_parallel_region(const Context&, const Matrix<T>&,          \
                                                     const Matrix<T>&);                         \
  template void gather_from_sequence_parallel_region_backward(const Context&, const Matrix<T>&, \
                                                              const Matrix<T>&);                \
  template void reduce_scatter_to_sequence_parallel_region(const Context&, const Matrix<T>&,    \
                                                           const Matrix<T>&);                   \
  template void reduce_scatter_to_sequence_parallel_region_backward(                            \
      const Context&, const Matrix<T>&, const Matrix<T>&);                                      \
  template void gather_rows(const Context&, const Matrix<T>&, const Matrix<T>&);                \
  template comm::Request start_copy_to_tensor_parallel_region_backward(const Context&,          \
                                                                       const Matrix<T>&);       \
  template comm::Request start_reduce_from_tensor_parallel_region(const Context&,               \
                                                                  const Matrix<T>&);            \
  template comm::Request start_gather_from_sequence_parallel_region(                            \
      const Context&, const Matrix<T>&, const Matrix<T>&);                                      \
  template comm::Request start_gather_from_sequence_parallel_region_backward(                   \
      const Context&, const Matrix<T>&, const Matrix<T>&);
TIDEMARK_FOR_EACH_SCALAR(TIDEMARK_INSTANTIATE)
#undef TIDEMARK_INSTANTIATE

}  // namespace tidemark::parallel
