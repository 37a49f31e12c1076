// SPDX-License-Identifier: BSD-3-Clause
// The passes of ColumnParallelLinear that hide communication. Its header lists what runs
// concurrently.
#include <memory>
#include <utility>
#include <vector>

#include "base/scalars.hpp"
#include "kernels/convert.hpp"
#include "parallel/column_parallel.hpp"
#include "parallel/mappings.hpp"
#include "parallel/overlap/scatter.hpp"
#include "parallel/overlap/shards.hpp"

namespace tidemark::parallel {

using memory::TensorClass;

template <class T, class Y>
Arriving<Y> ColumnParallelLinear<T, Y>::forward_by_pieces(const Context& context,
                                                          Arriving<T> input) {
  if (!context.sequence) return apply_by_chunks(context, std::move(input), new_output(context));
  Tensor whole = new_whole_input(context);
  memory::Tensor<Y> output = new_output(context);
  apply_shard_by_shard(context, input, whole.view(), output.view());
  saved_input_ = context.keep_gathered ? std::move(whole) : input.take();
  return Arriving<Y>(std::move(output));  // nvcc would copy it without the move
}

/// Multiplies each chunk of rows when it arrives. Saves the input when it is complete.
template <class T, class Y>
Arriving<Y> ColumnParallelLinear<T, Y>::apply_by_chunks(const Context& context, Arriving<T> input,
                                                        memory::Tensor<Y> output) {
  if (input.is_there()) {
    saved_input_ = input.take();
    apply(context, copy_to_tensor_parallel_region(saved_input_.view()), output.view(),
          Beside::nothing);
    return Arriving<Y>(std::move(output));
  }
  const std::int64_t chunks = input.chunks();
  const Matrix<Y> y = output.view();
  const auto source = std::make_shared<Arriving<T>>(std::move(input));
  return {std::move(output), chunks,
          [this, context = Context(context), source, chunks, y](std::int64_t chunk) {
            source->await(chunk);
            apply(context, copy_to_tensor_parallel_region(chunk_of(source->view(), chunks, chunk)),
                  chunk_of(y, chunks, chunk), Beside::communication);
            if (chunk + 1 == chunks) saved_input_ = source->take();
          }};
}

/// Multiplies this rank's own rows first, chunk by chunk, and then the other ranks' rows on
/// arrival.
template <class T, class Y>
void ColumnParallelLinear<T, Y>::apply_shard_by_shard(const Context& context, Arriving<T>& shard,
                                                      const Matrix<T>& whole,
                                                      const Matrix<Y>& output) {
  const Matrix<Y> own = rows_of_shard(context, output, context.rank());
  const std::int64_t chunks = context.schedule.pieces(num_rows(shard.view()));
  ArrivingShards<T> others(context, shard.view(), whole, chunks);
  const bool is_there = shard.is_there();
  for (std::int64_t chunk = 0; chunk < chunks; ++chunk) {
    shard.await(chunk);
    others.send(chunk);
    if (is_there) continue;
    apply(context, chunk_of(shard.view(), chunks, chunk), chunk_of(own, chunks, chunk),
          Beside::communication);
  }
  if (is_there) apply(context, shard.view(), own, Beside::communication);
  if (context.keep_gathered) {
    kernels::convert(context.device, shard.view(), rows_of_shard(context, whole, context.rank()));
  }
  for (std::int64_t arrival = 0; arrival < others.count(); ++arrival) {
    const ChunkPlace place = others.await(arrival);
    const bool last = arrival + 1 == others.count();
    apply(context, rows_at(context, place, whole), rows_at(context, place, output),
          last ? Beside::nothing : Beside::communication);
  }
}

/// Starts the input's gradient; it is complete after `await_all`. `dy` must stay until the products
/// are formed. The tensor `gathered_` tells whether a gather is pending, because a dry run has the
/// tensor but no request.
template <class T, class Y>
Arriving<T> ColumnParallelLinear<T, Y>::start_input_gradient(const Context& context,
                                                             const Matrix<Y>& dy) {
  Tensor dx = new_input_gradient(context);
  if (!context.sequence) return reduce_by_chunks(context, dy, std::move(dx));
  if (context.takes_apart()) return scatter_shard_by_shard(context, dy, std::move(dx));
  write_input_gradient(context, dy, dx.view(),
                       gathered_.empty() ? Beside::nothing : Beside::communication);
  Tensor shard = new_gradient_shard(context);
  const Matrix<T> whole = dx.view();
  const Matrix<T> own = shard.view();
  const auto parts = std::make_shared<Tensor>(std::move(dx));
  const auto scattering = std::make_shared<comm::Request>(
      start_gather_from_sequence_parallel_region_backward(context, whole, own));
  return {std::move(shard), 1,
          [&communicator = context.communicator, parts, scattering](std::int64_t) {
            communicator.wait(*scattering);
          }};
}

/// Without SP, the input's gradient is all-reduced. Under bulk this happens once, when it is whole.
/// Under ring each chunk of rows is reduced while the next chunk is formed.
template <class T, class Y>
Arriving<T> ColumnParallelLinear<T, Y>::reduce_by_chunks(const Context& context,
                                                         const Matrix<Y>& dy, Tensor dx) {
  const std::int64_t chunks = context.takes_apart() ? context.schedule.pieces(context.tokens) : 1;
  const auto reducing = std::make_shared<std::vector<comm::Request>>();
  for (std::int64_t chunk = 0; chunk < chunks; ++chunk) {
    const Matrix<T> part = chunk_of(dx.view(), chunks, chunk);
    write_input_gradient(context, chunk_of(dy, chunks, chunk), part,
                         chunk == 0 ? Beside::nothing : Beside::communication);
    reducing->push_back(start_copy_to_tensor_parallel_region_backward(context, part));
  }
  return {std::move(dx), chunks,
          [&communicator = context.communicator, reducing](std::int64_t chunk) {
            communicator.wait((*reducing)[static_cast<std::size_t>(chunk)]);
          }};
}

/// Under SP and ring, the rows of other ranks come first. They travel while this rank's own rows
/// are formed.
template <class T, class Y>
Arriving<T> ColumnParallelLinear<T, Y>::scatter_shard_by_shard(const Context& context,
                                                               const Matrix<Y>& dy, Tensor dx) {
  const Matrix<T> whole = dx.view();
  Tensor arrived =
      context.ledger.tensor<T>(names_.arrived_parts, spec_.layer, TensorClass::transient,
                               context.tokens - context.local_tokens(), spec_.in);
  Tensor shard = new_gradient_shard(context);
  const Matrix<T> sum = shard.view();
  // Other products follow and hide these messages. Whole shards keep the products here fast.
  const auto scatter = std::make_shared<Scatter<T>>(context, std::move(dx), std::move(arrived), 1);
  for (std::int64_t departure = 0; departure < scatter->others.count(); ++departure) {
    const ChunkPlace place = scatter->others.place(departure);
    const Matrix<T> part = rows_at(context, place, whole);
    write_input_gradient(
        context, rows_at(context, place, dy), part,
        departure > 0 || !gathered_.empty() ? Beside::communication : Beside::nothing);
    scatter->others.send(departure, part);
  }
  const Matrix<T> own = rows_of_shard(context, whole, context.rank());
  write_input_gradient(context, rows_of_shard(context, dy, context.rank()), own,
                       Beside::communication);
  return {std::move(shard), 1,
          [scatter, own, sum](std::int64_t) { scatter->others.finish(0, own, sum); }};
}

/// Defers the weight gradient from row `first_row` on, together with the ownership of its operands.
template <class T, class Y>
void ColumnParallelLinear<T, Y>::defer_weight_gradient(const Context& context, memory::Tensor<Y> dy,
                                                       Tensor x, std::int64_t first_row) {
  // A shared pointer, because a function object must be copyable. There is only one owner.
  const auto gradient = std::make_shared<memory::Tensor<Y>>(std::move(dy));
  const auto input = std::make_shared<Tensor>(std::move(x));
  context.deferred->add([this, context, gradient, input, first_row] {
    write_weight_gradient(context, gradient->view(), input->view(), first_row, weight_.spec.rows(),
                          Beside::communication);
    context.wait_for_kernels();  // the operands are freed at the end of this function
  });
}

template <class T, class Y>
void ColumnParallelLinear<T, Y>::fetch_input(const Context& context) {
  if (!context.overlaps() || !gathers_again(context) || !gathered_.empty()) return;
  gathered_ = new_gathered_input(context);
  gathering_ =
      start_gather_from_sequence_parallel_region(context, saved_input_.view(), gathered_.view());
}

// The product for dX comes first. Concurrently the input is gathered again, unless this was started
// before. Then dX is reduced concurrently with the product for dW.
template <class T, class Y>
memory::Tensor<T> ColumnParallelLinear<T, Y>::overlapped_backward(
    const Context& context, memory::Tensor<Y> output_gradient) {
  const Matrix<Y> dy = output_gradient.view();
  fetch_input(context);
  Arriving<T> dx = start_input_gradient(context, dy);
  if (context.deferred != nullptr) context.deferred->run();
  context.communicator.wait(gathering_);
  Tensor x = std::move(gathered_.empty() ? saved_input_ : gathered_);
  saved_input_.reset();
  const bool defers =
      spec_.defers_weight_gradient && context.takes_apart() && context.deferred != nullptr;
  const std::int64_t eighths_now = !defers ? 8 : context.sequence ? 1 : 5;
  const std::int64_t end_row = weight_.spec.rows() * eighths_now / 8;
  write_parameter_gradients(context, dy, x.view(), end_row, Beside::communication);
  if (defers) defer_weight_gradient(context, std::move(output_gradient), std::move(x), end_row);
  context.wait_for_kernels();  // operands that were not deferred are freed here
  x.reset();
  output_gradient.reset();
  return dx.take();
}

TIDEMARK_INSTANTIATE_CLASS(ColumnParallelLinear)
template class ColumnParallelLinear<bfloat16, float>;

}  // namespace tidemark::parallel
