#include "parallel/parameters.hpp"

#include <exception>
#include <utility>

#include <fmt/format.h>

#include "base/dtype.hpp"
#include "base/error.hpp"

namespace tidemark::parallel {

template <class T>
Parameter<T>& ParameterStore<T>::declare(ParameterSpec spec) {
  TIDEMARK_REQUIRE(values_.size() == 0, "parameters are declared before they are allocated");
  return parameters_.emplace_back(Parameter<T>{std::move(spec), {}, {}});
}

template <class T>
void ParameterStore<T>::allocate() {
  std::size_t elements = 0;
  for (const Parameter<T>& parameter : parameters_) {
    elements += static_cast<std::size_t>(parameter.spec.rows * parameter.spec.columns);
  }
  try {
    const auto uninitialised = [](const char* label) {
      return Kokkos::view_alloc(std::string(label), Kokkos::WithoutInitializing);
    };
    values_ = Kokkos::View<T*, MemorySpace>(uninitialised("tidemark parameters"), elements);
    gradients_ = Kokkos::View<T*, MemorySpace>(uninitialised("tidemark gradients"), elements);
  } catch (const std::exception&) {
    throw RunError(
        fmt::format("out of memory: the device refused 2 x {} bytes for parameters and gradients",
                    elements * sizeof(T)));
  }
  replicated_elements_ = place(Sharing::replicated, 0);
  place(Sharing::sharded, replicated_elements_);
}

template <class T>
std::size_t ParameterStore<T>::place(Sharing sharing, std::size_t offset) {
  for (Parameter<T>& parameter : parameters_) {
    if (parameter.spec.sharing != sharing) {
      continue;
    }
    const auto rows = static_cast<std::size_t>(parameter.spec.rows);
    const auto columns = static_cast<std::size_t>(parameter.spec.columns);
    parameter.value = Matrix<T>(values_.data() + offset, rows, columns);
    parameter.gradient = Matrix<T>(gradients_.data() + offset, rows, columns);
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
  comm::Request request = context.communicator.all_reduce(gradients_.data(), replicated_elements_,
                                                          dtype_of<T>, comm::Purpose::gradient);
  context.communicator.wait(request);
}

template class ParameterStore<float>;
template class ParameterStore<double>;

}  // namespace tidemark::parallel
