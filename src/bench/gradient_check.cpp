#include "bench/gradient_check.hpp"

#include <cmath>
#include <cstdint>
#include <string_view>
#include <utility>

#include "bench/device_buffers.hpp"
#include "bench/host_tensor.hpp"
#include "bench/step.hpp"
#include "comm/factory.hpp"

namespace tidemark::bench {

namespace {

using Host = HostTensor<double>;

constexpr double step_size = 1e-4;
constexpr double bound = 1e-6;

double dot(const Host& x, const Host& y) {
  double sum = 0.0;
  for (std::size_t i = 0; i < x.values.size(); ++i) {
    sum += x.values[i] * y.values[i];
  }
  return sum;
}

// Overwrites a contiguous device matrix.
void write(const Device& device, const Matrix<double>& target, const Host& source) {
  using HostView = Kokkos::View<const double**, Kokkos::LayoutRight, Kokkos::HostSpace,
                                Kokkos::MemoryTraits<Kokkos::Unmanaged>>;
  Kokkos::deep_copy(*device.exec, target,
                    HostView(source.values.data(), target.extent(0), target.extent(1)));
  device.fence();
}

/// The unsharded twin in fp64, and what its step gave: the scalar that is differentiated is
/// <output, R>, or the loss, and the variable is the input, or the embedding's table.
class Twin {
 public:
  Twin(const config::Case& c, Device& device, comm::Communicator& alone)
      : device_(device), ledger_(pool_), stack_(c, device, ledger_, alone) {
    run_step<double>(stack_, [this](std::string_view name, const Matrix<double>& tensor) {
      if (name == "input") variable_ = copy_to_host(device_, tensor);
      if (name == "input_grad") gradient_ = copy_to_host(device_, tensor);
      if (name == "output_grad") output_gradient_ = copy_to_host(device_, tensor);
    });
    if (has_ends()) {
      variable_ = copy_to_host(device_, table().value);
      gradient_ = copy_to_host(device_, table().gradient);
    }
  }

  /// The scalar for the variable moved by `distance` along `direction`.
  double scalar_at(double distance, const Host& direction) {
    Host moved = variable_;
    for (std::size_t i = 0; i < moved.values.size(); ++i) {
      moved.values[i] += distance * direction.values[i];
    }
    if (has_ends()) {
      write(device_, table().value, moved);
      stack_.forward({});
      return *stack_.loss();
    }
    memory::Tensor<double> x = stack_.make_input();
    write(device_, x.view(), moved);
    const memory::Tensor<double> y = stack_.forward(std::move(x));
    return dot(copy_to_host(device_, y.view()), output_gradient_);
  }

  /// The derivative along `v`, by central differences. Those of two steps cancel the error of
  /// second order: rows of an embedding are small enough for the norms to magnify it.
  double slope_along(const Host& v) {
    const auto slope = [&](double step) {
      return (scalar_at(step, v) - scalar_at(-step, v)) / (2.0 * step);
    };
    return (4.0 * slope(0.5 * step_size) - slope(step_size)) / 3.0;
  }

  /// A direction that is neither the variable nor its gradient, with elements of the variable's
  /// order. Its part along the gradient, or along what the gradient resembles, keeps the derivative
  /// away from 0, where every error would look large.
  [[nodiscard]] Host direction() const {
    const Host& upward = has_ends() ? gradient_ : output_gradient_;
    const double scale = std::sqrt(dot(variable_, variable_) / dot(upward, upward));
    Host v = variable_;
    for (std::size_t i = 0; i < v.values.size(); ++i) {
      v.values[i] = 0.5 * variable_.values[v.values.size() - 1 - i] + scale * upward.values[i];
    }
    return v;
  }

  [[nodiscard]] const Host& gradient() const { return gradient_; }

 private:
  [[nodiscard]] bool has_ends() const { return stack_.loss().has_value(); }
  [[nodiscard]] const parallel::Parameter<double>& table() const {
    return stack_.store().parameters().front();
  }

  Device& device_;
  memory::Pool pool_;
  memory::Ledger ledger_;
  model::Stack<double> stack_;
  Host variable_, gradient_, output_gradient_;
};

}  // namespace

Check check_gradient(const config::Case& c, Device& device, comm::Communicator& communicator) {
  config::Case whole = twin_of(c);
  whole.parallel = {};
  whole.precision = DType::fp64;
  whole.tensor_float = false;
  const auto alone = comm::make_self_communicator(buffers_of(device));
  Twin twin(whole, device, *alone);
  const Host v = twin.direction();
  const double expected = dot(twin.gradient(), v);
  const double error = std::abs(twin.slope_along(v) - expected) / std::abs(expected);
  return worst_over_ranks({"gradient_against_differences", std::isfinite(error) ? error : HUGE_VAL,
                           bound, c.model.has_ends() ? "embedding.weight.grad" : "input gradient"},
                          communicator);
}

}  // namespace tidemark::bench
