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
                                  const Matrix<T>& whole)
    : context_(context) {
  const std::int64_t t = context.ranks();
  context.device.fence();
  for (std::int64_t step = 1; step < t; ++step) {
    const std::int64_t from = (context.rank() - step + t) % t;
    requests_.push_back(exchange(context, shard, (context.rank() + step) % t,
                                 rows_of_shard(context, whole, from), from));
  }
}

template <class T>
std::int64_t ArrivingShards<T>::await(std::int64_t step) {
  context_.communicator.wait(requests_[static_cast<std::size_t>(step - 1)]);
  return (context_.rank() - step + context_.ranks()) % context_.ranks();
}

template <class T>
void DepartingShards<T>::send(std::int64_t step, const Matrix<T>& part) {
  const std::int64_t t = context_.ranks();
  const std::int64_t from = (context_.rank() - step + t) % t;
  const std::int64_t slot = from < context_.rank() ? from : from - 1;
  context_.device.fence();
  requests_.push_back(exchange(context_, part, owner(step),
                               rows(arrived_, slot * num_rows(part), num_rows(part)), from));
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
