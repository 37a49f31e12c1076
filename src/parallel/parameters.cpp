#include "parallel/parameters.hpp"

#include <cstdint>
#include <exception>
#include <utility>

#include <fmt/format.h>

#include "base/dtype.hpp"
#include "base/error.hpp"

namespace tidemark::parallel {

template <class T>
Parameter<T>& ParameterStore<T>::declare(ParameterSpec spec) {
  TIDEMARK_REQUIRE(value_data_ == nullptr, "parameters are declared before they are allocated");
  return parameters_.emplace_back(Parameter<T>{std::move(spec), {}, {}});
}

template <class T>
void ParameterStore<T>::allocate(const Device& device) {
  for (const Parameter<T>& parameter : parameters_) {
    elements_ += static_cast<std::size_t>(parameter.spec.rows * parameter.spec.columns);
  }
  if (device.launches()) {
    allocate_memory();
    value_data_ = values_.data();
    gradient_data_ = gradients_.data();
  } else {
    constexpr std::uintptr_t somewhere = 4096;
    value_data_ = reinterpret_cast<T*>(somewhere);
    gradient_data_ = reinterpret_cast<Accumulate<T>*>(somewhere);
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
  } catch (const std::exception&) {
    throw RunError(
        fmt::format("out of memory: the device refused {} + {} bytes for parameters and gradients",
                    value_bytes(), gradient_bytes()));
  }
}

template <class T>
std::size_t ParameterStore<T>::place(Sharing sharing, std::size_t offset) {
  for (Parameter<T>& parameter : parameters_) {
    if (parameter.spec.sharing != sharing) {
      continue;
    }
    const auto rows = static_cast<std::size_t>(parameter.spec.rows);
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
    kernels::fill_uniform(device, parameter.value, {seed, spec.stream}, spec.place, spec.centre,
                          spec.width);
  }
  device.fence();
}

template <class T>
void ParameterStore<T>::reduce_replicated_gradients(const Context& context) {
  if (context.ranks() == 1) {
    return;
  }
  context.device.fence();
  comm::Request request = context.communicator.all_reduce(
      gradient_data_, replicated_elements_, dtype_of<Accumulate<T>>, comm::Purpose::gradient);
  context.communicator.wait(request);
}

template class ParameterStore<bfloat16>;
template class ParameterStore<float>;
template class ParameterStore<double>;

}  // namespace tidemark::parallel
