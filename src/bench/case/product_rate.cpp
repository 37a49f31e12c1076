// SPDX-License-Identifier: BSD-3-Clause
#include "bench/case/product_rate.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/scalars.hpp"
#include "base/stopwatch.hpp"
#include "kernels/fill.hpp"
#include "parallel/product.hpp"

namespace tidemark::bench {

namespace {

constexpr double least_seconds = 0.02;

// Fills the operand, because denormals and NaN in old memory could change the product's speed.
template <class T>
memory::Tensor<T> operand(const parallel::Context& context, const char* name,
                          std::int64_t columns) {
  auto tensor = context.ledger.tensor<T>(name, memory::no_layer, memory::TensorClass::workspace,
                                         context.tokens, columns);
  kernels::fill_uniform(context.device, tensor.view(), {0, 0}, {0, 0, columns}, 0.0, 1.0);
  return tensor;
}

}  // namespace

template <class T>
double ProductRate<T>::measure() {
  const parallel::Context& context = stack_.context();
  const Matrix<T>& weight = stack_.largest_weight();
  const auto x = operand<T>(context, "product rate input", num_columns(weight));
  const auto y = operand<T>(context, "product rate output", num_rows(weight));
  const auto seconds_of = [&](int products) {
    context.device.fence();
    context.communicator.barrier();
    const Stopwatch watch;
    for (int product = 0; product < products; ++product) {
      // (s b, h) x (out/t, h)^T -> (s b, out/t)
      parallel::multiply(context, memory::no_layer, kernels::Op::none, kernels::Op::transpose,
                         x.view(), weight, Vector<T>(), y.view());
    }
    context.device.fence();
    return watch.seconds();
  };
  if (repeats_ == 0) {
    seconds_of(1);  // the first product of a shape may set up the library
    std::array<double, 1> single{seconds_of(1)};
    // The slowest rank's time counts, so that a rank with a tiny time does not cause many repeats.
    context.communicator.max_over_ranks(single);
    const double wanted = std::ceil(least_seconds / std::max(single[0], 1e-7));
    repeats_ = static_cast<int>(std::clamp(wanted, 1.0, 1e5));
  }
  const double flops = 2.0 * static_cast<double>(x.size()) * static_cast<double>(num_rows(weight));
  return repeats_ * flops / seconds_of(repeats_) * 1e-9;
}

TIDEMARK_INSTANTIATE_CLASS(ProductRate)

}  // namespace tidemark::bench
