// SPDX-License-Identifier: BSD-3-Clause
#include "parallel/overlap/shards.hpp"

#include <algorithm>
#include <iterator>

#include "base/scalars.hpp"
#include "kernels/shard_sum.hpp"

namespace tidemark::parallel {

template <class T>
ArrivingShards<T>::ArrivingShards(const Context& context, const Matrix<T>& shard,
                                  const Matrix<T>& whole, std::int64_t chunks)
    : context_(context), shard_(shard), whole_(whole), chunks_(chunks) {}

template <class T>
void ArrivingShards<T>::send(std::int64_t chunk) {
  const std::int64_t t = context_.ranks();
  const Matrix<T> own = chunk_of(shard_, chunks_, chunk);
  std::vector<comm::Exchange> messages;
  for (std::int64_t step = 1; step < t; ++step) {
    const std::int64_t from = (context_.rank() - step + t) % t;
    messages.push_back({own.data(), static_cast<int>((context_.rank() + step) % t),
                        rows_at(context_, {from, chunk, chunks_}, whole_).data(),
                        static_cast<int>(from)});
  }
  context_.wait_for_kernels();
  std::vector<comm::Request> requests = context_.communicator.exchange_together(
      messages, own.extent(0) * own.extent(1), dtype_of<T>, comm::Purpose::activation);
  std::move(requests.begin(), requests.end(), std::back_inserter(requests_));
}

template <class T>
ChunkPlace ArrivingShards<T>::await(std::int64_t arrival) {
  context_.communicator.wait(requests_[static_cast<std::size_t>(arrival)]);
  const std::int64_t t = context_.ranks();
  const std::int64_t step = 1 + arrival % (t - 1);
  return {(context_.rank() - step + t) % t, arrival / (t - 1), chunks_};
}

template <class T>
DepartingShards<T>::DepartingShards(const Context& context, const Matrix<T>& arrived,
                                    std::int64_t chunks)
    : context_(context), arrived_(arrived), chunks_(chunks) {}

template <class T>
ChunkPlace DepartingShards<T>::place(std::int64_t departure) const {
  const std::int64_t t = context_.ranks();
  const std::int64_t step = 1 + departure % (t - 1);
  return {(context_.rank() + step) % t, departure / (t - 1), chunks_};
}

template <class T>
Matrix<T> DepartingShards<T>::arrivals(std::int64_t chunk) const {
  const std::int64_t others = context_.ranks() - 1;
  const std::int64_t height = num_rows(arrived_) / others;
  const std::int64_t first = first_of_piece(height, chunks_, chunk);
  const std::int64_t count = first_of_piece(height, chunks_, chunk + 1) - first;
  return rows(arrived_, others * first, others * count);
}

template <class T>
void DepartingShards<T>::send(std::int64_t departure, const Matrix<T>& part) {
  const std::int64_t t = context_.ranks();
  const ChunkPlace to = place(departure);
  const std::int64_t from = (2 * context_.rank() - to.rank + t) % t;
  const Matrix<T> slots = arrivals(to.chunk);
  const std::int64_t height = num_rows(slots) / (t - 1);
  const std::int64_t slot = from < context_.rank() ? from : from - 1;
  context_.wait_for_kernels();
  requests_.push_back(context_.communicator.exchange(
      part.data(), static_cast<int>(to.rank), rows(slots, slot * height, height).data(),
      static_cast<int>(from), part.extent(0) * part.extent(1), dtype_of<T>,
      comm::Purpose::activation));
}

template <class T>
void DepartingShards<T>::finish(std::int64_t chunk, const Matrix<T>& own, const Matrix<T>& sum) {
  const std::int64_t others = context_.ranks() - 1;
  for (std::int64_t i = 0; i < others; ++i) {
    context_.communicator.wait(requests_[static_cast<std::size_t>(chunk * others + i)]);
  }
  kernels::shard_sum(context_.device, static_cast<int>(context_.rank()), own, arrivals(chunk), sum);
}

TIDEMARK_INSTANTIATE_CLASS(ArrivingShards)
TIDEMARK_INSTANTIATE_CLASS(DepartingShards)

}  // namespace tidemark::parallel
