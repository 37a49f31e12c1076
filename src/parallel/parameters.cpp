// SPDX-License-Identifier: BSD-3-Clause
#include "parallel/parameters.hpp"

#include <algorithm>
#include <cstdint>
#include <exception>
#include <utility>

#include <fmt/format.h>

#include "base/dtype.hpp"
#include "base/error.hpp"
#include "base/scalars.hpp"
#include "kernels/shard_sum.hpp"

namespace tidemark::parallel {

template <class T>
Parameter<T>& ParameterStore<T>::declare(ParameterSpec spec) {
  TIDEMARK_REQUIRE(value_data_ == nullptr, "parameters are declared before they are allocated");
  return parameters_.emplace_back(Parameter<T>{std::move(spec), {}, {}});
}

template <class T>
void ParameterStore<T>::allocate(const Device& device) {
  for (const Parameter<T>& parameter : parameters_) {
    const ParameterSpec& spec = parameter.spec;
    elements_ += static_cast<std::size_t>(spec.rows() * spec.columns);
    for (const kernels::RowSegment& segment : spec.placement) {
      exchange_elements_ =
          std::max(exchange_elements_,
                   static_cast<std::size_t>((segment.replicas - 1) * segment.rows * spec.columns));
    }
  }
  if (device.launches()) {
    allocate_memory();
    value_data_ = values_.data();
    gradient_data_ = gradients_.data();
    exchange_data_ = exchange_buffer_.data();
  } else {
    constexpr std::uintptr_t somewhere = 4096;
    value_data_ = reinterpret_cast<T*>(somewhere);
    gradient_data_ = reinterpret_cast<Accumulate<T>*>(somewhere);
    exchange_data_ = reinterpret_cast<Accumulate<T>*>(somewhere);
  }
  replicated_elements_ = place(Sharing::replicated, 0);
  place(Sharing::sharded, replicated_elements_);
}

template <class T>
void ParameterStore<T>::allocate_memory() {
  const auto uninitialised = [](const char* label) {
    return Kokkos::view_alloc(std::string(label), Kokkos::WithoutInitializing);
  };
  try {
    values_ = decltype(values_)(uninitialised("tidemark parameters"), elements_);
    gradients_ = decltype(gradients_)(uninitialised("tidemark gradients"), elements_);
    if (exchange_elements_ > 0) {
      exchange_buffer_ =
          decltype(exchange_buffer_)(uninitialised("tidemark gradient parts"), exchange_elements_);
    }
  } catch (const std::exception&) {
    throw RunError(
        fmt::format("out of memory: the device refused {} + {} bytes for parameters and gradients",
                    value_bytes(), gradient_bytes() + exchange_buffer_bytes()));
  }
}

template <class T>
std::size_t ParameterStore<T>::place(Sharing sharing, std::size_t offset) {
  for (Parameter<T>& parameter : parameters_) {
    if (parameter.spec.sharing != sharing) {
      continue;
    }
    const auto rows = static_cast<std::size_t>(parameter.spec.rows());
    const auto columns = static_cast<std::size_t>(parameter.spec.columns);
    parameter.value = Matrix<T>(value_data_ + offset, rows, columns);
    parameter.gradient = Matrix<Accumulate<T>>(gradient_data_ + offset, rows, columns);
    offset += rows * columns;
  }
  return offset;
}

template <class T>
void ParameterStore<T>::initialise(Device& device, std::uint32_t seed) {
  for (const Parameter<T>& parameter : parameters_) {
    const ParameterSpec& spec = parameter.spec;
    spec.for_each_segment([&](const kernels::RowSegment& segment, std::int64_t first) {
      kernels::fill_uniform(device, rows(parameter.value, first, segment.rows), {seed, spec.stream},
                            segment.place, spec.centre, spec.width);
    });
  }
  device.fence();
}

template <class T>
void ParameterStore<T>::reduce_replicated_gradients(const Context& context) {
  if (context.ranks() == 1) {
    return;
  }
  context.wait_for_kernels();
  comm::Request request = context.communicator.all_reduce(
      gradient_data_, replicated_elements_, dtype_of<Accumulate<T>>, comm::Purpose::gradient);
  context.communicator.wait(request);
}

template <class T>
void ParameterStore<T>::reduce_gradients_of_shared_rows(const Context& context) {
  for (const Parameter<T>& parameter : parameters_) {
    parameter.spec.for_each_segment([&](const kernels::RowSegment& segment, std::int64_t first) {
      if (segment.replicas == 1) return;
      sum_over_holders(context, rows(parameter.gradient, first, segment.rows), segment.replicas);
    });
  }
}

/// Sums a matrix [R, C] over the ranks that hold it. This rank must be one of them.
template <class T>
void ParameterStore<T>::sum_over_holders(const Context& context,
                                         const Matrix<Accumulate<T>>& gradient,
                                         std::int64_t holders) {
  using F = Accumulate<T>;
  const std::int64_t height = num_rows(gradient);
  const std::int64_t own = context.rank() % holders;
  const std::int64_t first_rank = context.rank() - own;
  const Matrix<F> arrived(exchange_data_, static_cast<std::size_t>((holders - 1) * height),
                          gradient.extent(1));
  context.wait_for_kernels();
  std::vector<comm::Request> requests;
  for (std::int64_t step = 1; step < holders; ++step) {
    const std::int64_t to = (own + step) % holders;
    const std::int64_t from = (own - step + holders) % holders;
    const std::int64_t slot = from < own ? from : from - 1;
    requests.push_back(context.communicator.exchange(
        gradient.data(), static_cast<int>(first_rank + to),
        rows(arrived, slot * height, height).data(), static_cast<int>(first_rank + from),
        gradient.extent(0) * gradient.extent(1), dtype_of<F>, comm::Purpose::gradient));
  }
  for (comm::Request& request : requests) context.communicator.wait(request);
  kernels::shard_sum(context.device, static_cast<int>(own), gradient, arrived, gradient);
  context.wait_for_kernels();  // the next call uses the same buffer
}

TIDEMARK_INSTANTIATE_CLASS(ParameterStore)

}  // namespace tidemark::parallel
