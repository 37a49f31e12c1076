// SPDX-License-Identifier: BSD-3-Clause
#include "bench/verify/gradient_check.hpp"

#include <cmath>
#include <cstdint>
#include <random>
#include <string_view>
#include <utility>
#include <vector>

#include "bench/kernel_buffers.hpp"
#include "bench/step/step.hpp"
#include "bench/verify/host_tensor.hpp"
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

Host sum_of(Host x, double factor, const Host& y) {
  for (std::size_t i = 0; i < x.values.size(); ++i) x.values[i] += factor * y.values[i];
  return x;
}

/// A direction for a parameter, with elements of the parameter's order. Half of it is random, and
/// half is along the gradient. This keeps the derivative away from 0, where every error would look
/// large.
Host direction_of(const Host& value, const Host& gradient) {
  const double size = std::sqrt(dot(value, value));
  const double slope = std::sqrt(dot(gradient, gradient));
  const double scale = slope > 0.0 ? 0.5 * size / slope : 0.0;
  std::mt19937_64 random(20221105);
  Host direction = gradient;
  for (std::size_t i = 0; i < direction.values.size(); ++i) {
    const double sign = (random() & 1U) != 0U ? 0.5 : -0.5;
    direction.values[i] = scale * gradient.values[i] + sign * value.values[i];
  }
  return direction;
}

// Overwrites a contiguous device matrix.
void write(const Device& device, const Matrix<double>& target, const Host& source) {
  using HostView = Kokkos::View<const double**, Kokkos::LayoutRight, Kokkos::HostSpace,
                                Kokkos::MemoryTraits<Kokkos::Unmanaged>>;
  Kokkos::deep_copy(*device.exec, target,
                    HostView(source.values.data(), target.extent(0), target.extent(1)));
  device.fence();
}

/// The unsharded twin in fp64, and the results of its step. Without ends the differentiated scalar
/// is <output, R>, and the variable is the input. With ends they are the loss and the embedding's
/// table.
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

  /// The scalar after moving the variable by `distance` along `direction`.
  double scalar_at(double distance, const Host& direction) {
    const Host moved = sum_of(variable_, distance, direction);
    if (has_ends()) {
      if (distance != 0.0) write(device_, table().value, moved);
      stack_.forward({});
      return *stack_.loss();
    }
    memory::Tensor<double> x = stack_.make_input();
    write(device_, x.view(), moved);
    const memory::Tensor<double> y = stack_.forward(std::move(x));
    return dot(copy_to_host(device_, y.view()), output_gradient_);
  }

  /// The derivative along `v`, by central differences. Two step sizes cancel the error of second
  /// order. This is needed because the rows of an embedding are so small that the norms magnify
  /// that error.
  double slope_along(const Host& v) {
    const auto slope = [&](double step) {
      return (scalar_at(step, v) - scalar_at(-step, v)) / (2.0 * step);
    };
    return (4.0 * slope(0.5 * step_size) - slope(step_size)) / 3.0;
  }

  /// A direction that is neither the variable nor its gradient, with elements of the variable's
  /// order. It has a part along the gradient, or along R, which resembles the gradient. This keeps
  /// the derivative away from 0, where every error would look large.
  [[nodiscard]] Host direction() const {
    const Host& upward = has_ends() ? gradient_ : output_gradient_;
    const double scale = std::sqrt(dot(variable_, variable_) / dot(upward, upward));
    Host v = variable_;
    for (std::size_t i = 0; i < v.values.size(); ++i) {
      v.values[i] = 0.5 * variable_.values[v.values.size() - 1 - i] + scale * upward.values[i];
    }
    return v;
  }

  /// The relative error of the variable's gradient: its product with a direction against the
  /// derivative along that direction.
  double error_along_variable() {
    const Host v = direction();
    const double expected = dot(gradient_, v);
    return std::abs(slope_along(v) - expected) / std::abs(expected);
  }

  /// The relative error of all parameter gradients together: their product with a random direction
  /// against the derivative along that direction.
  double error_along_all_parameters() {
    const auto& parameters = stack_.store().parameters();
    std::vector<Host> values;
    std::vector<Host> directions;
    double expected = 0.0;
    for (const parallel::Parameter<double>& parameter : parameters) {
      values.push_back(copy_to_host(device_, parameter.value));
      const Host gradient = copy_to_host(device_, parameter.gradient);
      directions.push_back(direction_of(values.back(), gradient));
      expected += dot(gradient, directions.back());
    }
    const auto scalar_moved_by = [&](double distance) {
      for (std::size_t p = 0; p < parameters.size(); ++p) {
        write(device_, parameters[p].value, sum_of(values[p], distance, directions[p]));
      }
      return scalar_at(0.0, variable_);
    };
    const auto slope = [&](double step) {
      return (scalar_moved_by(step) - scalar_moved_by(-step)) / (2.0 * step);
    };
    const double actual = (4.0 * slope(0.5 * step_size) - slope(step_size)) / 3.0;
    scalar_moved_by(0.0);  // moves the parameters back
    return std::abs(actual - expected) / std::abs(expected);
  }

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

std::vector<Check> check_gradients(const config::Case& c, Device& device,
                                   comm::Communicator& communicator) {
  // This twin stays small even if the case's own precision needs a wider one.
  config::Case precise = c;
  precise.precision = DType::fp64;
  precise.tensor_float = false;
  config::Case whole = twin_of(precise);
  whole.parallel = {};
  const auto alone = comm::make_self_communicator(buffers_of(device));
  Twin twin(whole, device, *alone);
  const auto check = [&](const char* name, double error, const char* where) {
    return worst_over_ranks({name, std::isfinite(error) ? error : HUGE_VAL, bound, where},
                            communicator);
  };
  // This comes before the other check, which leaves the embedding's table moved.
  const Check all = check("gradient_along_all_parameters", twin.error_along_all_parameters(),
                          "parameter gradients");
  return {check("gradient_against_differences", twin.error_along_variable(),
                c.model.has_ends() ? "embedding.weight.grad" : "input gradient"),
          all};
}

}  // namespace tidemark::bench
