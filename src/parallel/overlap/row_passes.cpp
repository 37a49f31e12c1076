// SPDX-License-Identifier: BSD-3-Clause
// The passes of RowParallelLinear that hide communication. Its header lists what runs concurrently.
#include <memory>
#include <utility>
#include <vector>

#include "base/scalars.hpp"
#include "parallel/mappings.hpp"
#include "parallel/overlap/scatter.hpp"
#include "parallel/overlap/shards.hpp"
#include "parallel/row_parallel.hpp"

namespace tidemark::parallel {

using memory::TensorClass;

namespace {

/// The rows of `whole` at `place`. `make`, if not empty, makes them first.
template <class T>
Matrix<T> made_rows_at(const Context& context, const ChunkPlace& place, const Matrix<T>& whole,
                       const typename RowsOnDemand<T>::Make& make) {
  if (make) make(first_row_at(context, place), height_at(context, place));
  return rows_at(context, place, whole);
}

}  // namespace

template <class T>
Arriving<T> RowParallelLinear<T>::forward_by_pieces(const Context& context, Arriving<T> input) {
  return context.sequence ? scatter_shard_by_shard(context, {input.take(), {}})
                          : reduce_by_chunks(context, std::move(input));
}

template <class T>
Arriving<T> RowParallelLinear<T>::forward_by_pieces(const Context& context, RowsOnDemand<T> input) {
  if (context.sequence) return scatter_shard_by_shard(context, std::move(input));
  const std::int64_t chunks = context.schedule.pieces(context.tokens);
  return reduce_by_chunks(context, by_chunks(std::move(input), chunks));
}

/// Forms the other ranks' rows first. They travel while the next rows and this rank's own rows are
/// formed.
template <class T>
Arriving<T> RowParallelLinear<T>::scatter_shard_by_shard(const Context& context,
                                                         RowsOnDemand<T> input) {
  saved_input_ = std::move(input.tensor);
  Tensor partial = new_partial(context);
  Tensor arrived =
      context.ledger.tensor<T>(names_.arrived_parts, spec_.layer, TensorClass::transient,
                               context.tokens - context.local_tokens(), spec_.out);
  Tensor shard = new_output_shard(context);
  const auto scatter =
      std::make_shared<Scatter<T>>(context, std::move(partial), std::move(arrived),
                                   context.schedule.pieces(context.local_tokens()));
  DepartingShards<T>& others = scatter->others;
  for (std::int64_t departure = 0; departure < others.count(); ++departure) {
    const ChunkPlace place = others.place(departure);
    const Matrix<T> part = rows_at(context, place, scatter->partial.view());
    apply(context, made_rows_at(context, place, saved_input_.view(), input.make), part,
          departure == 0 ? Beside::nothing : Beside::communication);
    others.send(departure, part);
  }
  const std::int64_t chunks = others.chunks();
  const Matrix<T> sums = shard.view();
  return {std::move(shard), chunks,
          [this, scatter, chunks, sums, make = std::move(input.make)](std::int64_t chunk) {
            const Context& here = scatter->context;
            const ChunkPlace place{here.rank(), chunk, chunks};
            const Matrix<T> own = rows_at(here, place, scatter->partial.view());
            apply(here, made_rows_at(here, place, saved_input_.view(), make), own,
                  Beside::communication);
            scatter->others.finish(chunk, own, chunk_of(sums, chunks, chunk));
          }};
}

/// Each chunk of rows is summed over the ranks while the next chunk and its input are formed.
template <class T>
Arriving<T> RowParallelLinear<T>::reduce_by_chunks(const Context& context, Arriving<T> input) {
  Tensor partial = new_partial(context);
  const std::int64_t chunks = context.schedule.pieces(context.tokens);
  TIDEMARK_REQUIRE(input.is_there() || input.chunks() == chunks, "chunks of all rows are alike");
  const auto reducing = std::make_shared<std::vector<comm::Request>>();
  for (std::int64_t chunk = 0; chunk < chunks; ++chunk) {
    const Matrix<T> part = chunk_of(partial.view(), chunks, chunk);
    input.await(chunk);
    apply(context, chunk_of(input.view(), chunks, chunk), part,
          chunk == 0 ? Beside::nothing : Beside::communication);
    reducing->push_back(start_reduce_from_tensor_parallel_region(context, part));
  }
  saved_input_ = input.take();
  return {std::move(partial), chunks,
          [reducing, &communicator = context.communicator](std::int64_t chunk) {
            communicator.wait((*reducing)[static_cast<std::size_t>(chunk)]);
          }};
}

template <class T>
memory::Tensor<T> RowParallelLinear<T>::overlapped_backward(const Context& context,
                                                            Tensor output_gradient,
                                                            const std::function<void()>& meanwhile,
                                                            Tensor* input) {
  const bool defers = context.deferred != nullptr && input == nullptr;
  if (context.sequence) {
    Tensor whole = new_gathered_gradient(context);
    Tensor dx = backward_shard_by_shard(context, output_gradient.view(), std::move(whole),
                                        meanwhile, defers);
    hand_over(input);
    return dx;
  }
  const Matrix<T> dy = reduce_from_tensor_parallel_region_backward(output_gradient.view());
  if (!defers) {
    write_weight_gradient(context, dy, saved_input_.view(), Beside::nothing, Into::overwritten);
    hand_over(input);
  }
  Tensor dx = new_input_gradient(context);
  write_input_gradient(context, dy, dx.view(), Beside::nothing);
  if (defers) {
    const Matrix<T> x = saved_input_.view();
    defer_weight_gradient(context, std::move(output_gradient), dy, x, Into::overwritten);
  }
  return dx;
}

/// Defers the weight gradient of these rows, together with the owners of its operands. `dy` is part
/// of `whole`, and `x` is part of the saved input.
template <class T>
void RowParallelLinear<T>::defer_weight_gradient(const Context& context, Tensor whole,
                                                 const Matrix<T>& dy, const Matrix<T>& x,
                                                 Into into) {
  // A shared pointer, because a function object must be copyable. There is only one owner.
  const auto gradient = std::make_shared<Tensor>(std::move(whole));
  const auto input = std::make_shared<Tensor>(std::move(saved_input_));
  saved_input_.reset();
  context.deferred->add([this, context, gradient, input, dy, x, into] {
    write_weight_gradient(context, dy, x, Beside::communication, into);
    context.wait_for_kernels();  // the operands are freed at the end of this function
  });
}

/// Forms both products of this rank's own rows while the other ranks' rows of dY travel.
template <class T>
memory::Tensor<T> RowParallelLinear<T>::backward_shard_by_shard(
    const Context& context, const Matrix<T>& shard, Tensor whole,
    const std::function<void()>& meanwhile, bool defers) {
  Tensor dx = new_input_gradient(context);
  const Matrix<T> x = saved_input_.view();
  // Two products per shard are enough to hide the next shard. So shards stay whole, which keeps the
  // products fast.
  ArrivingShards<T> others(context, shard, whole.view(), 1);
  others.send(0);
  write_input_gradient(context, shard, rows_of_shard(context, dx.view(), context.rank()),
                       Beside::communication);
  write_weight_gradient(context, shard, rows_of_shard(context, x, context.rank()),
                        Beside::communication, Into::overwritten);
  if (context.deferred != nullptr) context.deferred->run();
  for (std::int64_t arrival = 0; arrival < others.count(); ++arrival) {
    const ChunkPlace place = others.await(arrival);
    const bool last = arrival + 1 == others.count();
    if (last && meanwhile) meanwhile();
    const Matrix<T> dy_rows = rows_at(context, place, whole.view());
    const Matrix<T> x_rows = rows_at(context, place, x);
    write_input_gradient(context, dy_rows, rows_at(context, place, dx.view()),
                         Beside::communication);
    if (last && defers) {
      defer_weight_gradient(context, std::move(whole), dy_rows, x_rows, Into::added_to);
    } else {
      write_weight_gradient(context, dy_rows, x_rows, Beside::communication, Into::added_to);
    }
  }
  context.wait_for_kernels();  // rows that were not deferred are freed with their owner
  return dx;
}

TIDEMARK_INSTANTIATE_CLASS(RowParallelLinear)

}  // namespace tidemark::parallel
