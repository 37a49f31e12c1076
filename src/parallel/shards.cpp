#include "parallel/shards.hpp"

#include "kernels/shard_sum.hpp"

namespace tidemark::parallel {

namespace {

template <class T>
comm::Request exchange(const Context& context, const Matrix<T>& send, std::int64_t to,
                       const Matrix<T>& recv, std::int64_t from) {
  return context.communicator.exchange(send.data(), static_cast<int>(to), recv.data(),
                                       static_cast<int>(from), send.extent(0) * send.extent(1),
                                       dtype_of<T>, comm::Purpose::activation);
}

}  // namespace

template <class T>
ArrivingShards<T>::ArrivingShards(const Context& context, const Matrix<T>& shard,
                                  const Matrix<T>& whole, std::int64_t chunks)
    : context_(context), chunks_(chunks) {
  const std::int64_t t = context.ranks();
  context.device.fence();
  for (std::int64_t step = 1; step < t; ++step) {
    const std::int64_t from = (context.rank() - step + t) % t;
    for (std::int64_t chunk = 0; chunk < chunks_; ++chunk) {
      requests_.push_back(exchange(context, chunk_of(shard, chunks_, chunk),
                                   (context.rank() + step) % t,
                                   rows_at(context, {from, chunk, chunks_}, whole), from));
    }
  }
}

template <class T>
ChunkPlace ArrivingShards<T>::await(std::int64_t arrival) {
  context_.communicator.wait(requests_[static_cast<std::size_t>(arrival)]);
  const std::int64_t step = 1 + arrival / chunks_;
  return {(context_.rank() - step + context_.ranks()) % context_.ranks(), arrival % chunks_,
          chunks_};
}

template <class T>
DepartingShards<T>::DepartingShards(const Context& context, const Matrix<T>& arrived)
    : context_(context),
      arrived_(arrived),
      chunks_(context.schedule.pieces(num_rows(arrived) / (context.ranks() - 1))) {}

template <class T>
ChunkPlace DepartingShards<T>::place(std::int64_t departure) const {
  const std::int64_t step = 1 + departure / chunks_;
  return {(context_.rank() + step) % context_.ranks(), departure % chunks_, chunks_};
}

template <class T>
void DepartingShards<T>::send(std::int64_t departure, const Matrix<T>& part) {
  const std::int64_t t = context_.ranks();
  const std::int64_t from = (context_.rank() - 1 - departure / chunks_ + t) % t;
  const std::int64_t slot = from < context_.rank() ? from : from - 1;
  const std::int64_t height = num_rows(arrived_) / (t - 1);
  const Matrix<T> into =
      chunk_of(rows(arrived_, slot * height, height), chunks_, departure % chunks_);
  context_.device.fence();
  requests_.push_back(exchange(context_, part, place(departure).rank, into, from));
}

template <class T>
void DepartingShards<T>::finish(const Matrix<T>& own, const Matrix<T>& shard) {
  for (comm::Request& request : requests_) context_.communicator.wait(request);
  kernels::shard_sum(context_.device, static_cast<int>(context_.rank()), own, arrived_, shard);
}

template class ArrivingShards<bfloat16>;
template class ArrivingShards<float>;
template class ArrivingShards<double>;
template class DepartingShards<bfloat16>;
template class DepartingShards<float>;
template class DepartingShards<double>;

}  // namespace tidemark::parallel
