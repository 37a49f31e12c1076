// SPDX-License-Identifier: BSD-3-Clause
// The stack's gradients against differences of its scalar, which is <output, R> or the loss. Covers
// the input and every parameter.
#include <functional>
#include <utility>

#include <gtest/gtest.h>

#include "comm/wrappers/self.hpp"
#include "model/stack.hpp"
#include "support/cases.hpp"
#include "support/tables.hpp"

namespace tidemark::model {
namespace {

using support::inner_product;
using support::moved;
using support::random_table;
using support::Table;

Table<double> read(const Matrix<double>& matrix) {
  const auto host = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace(), matrix);
  Table<double> table(num_rows(matrix), num_columns(matrix));
  for (std::int64_t i = 0; i < table.rows; ++i) {
    for (std::int64_t j = 0; j < table.columns; ++j) table(i, j) = host(i, j);
  }
  return table;
}

void write(const Matrix<double>& matrix, const Table<double>& table) {
  const auto host = Kokkos::create_mirror_view(matrix);
  for (std::int64_t i = 0; i < table.rows; ++i) {
    for (std::int64_t j = 0; j < table.columns; ++j) host(i, j) = table(i, j);
  }
  Kokkos::deep_copy(matrix, host);
}

/// A stack in fp64 on one rank, its scalar and its gradients.
class StackGradient : public ::testing::Test {
 protected:
  /// The scalar. The saved tensors of the forward stay for a backward.
  double scalar_of(Stack<double>& stack, const Table<double>* input) {
    memory::Tensor<double> x = stack.make_input();
    if (input != nullptr) write(x.view(), *input);
    const memory::Tensor<double> y = stack.forward(std::move(x));
    device_.fence();
    return stack.loss() ? *stack.loss() : inner_product(read(y.view()), output_gradient_);
  }
  /// The same, but afterwards nothing is live.
  double scalar_alone(Stack<double>& stack, const Table<double>* input = nullptr) {
    ledger_.begin_step();
    const double scalar = scalar_of(stack, input);
    stack.backward(stack.make_output_gradient()).reset();
    ledger_.end_step();
    return scalar;
  }
  void expect_slope(const std::string& what, double by_backward,
                    const std::function<double(double)>& scalar_at) {
    const double step = 1e-5;
    const double by_difference = (scalar_at(step) - scalar_at(-step)) / (2.0 * step);
    EXPECT_NEAR(by_difference, by_backward, 1e-8 + 1e-6 * std::abs(by_backward)) << what;
    EXPECT_GT(std::abs(by_backward), 1e-4) << what << ": a slope of nothing proves nothing";
  }
  void expect_input_slope(Stack<double>& stack) {
    const Table<double> input = read(stack.make_input().view());
    output_gradient_ = read(stack.make_output_gradient().view());
    scalar_of(stack, nullptr);
    auto gradient = stack.backward(stack.make_output_gradient());
    device_.fence();
    const auto v = random_table<double>(input.rows, input.columns, 5);
    const double slope = inner_product(read(gradient.view()), v);
    gradient.reset();
    expect_slope("input", slope, [&](double e) {
      const Table<double> there = moved(input, e, v);
      return scalar_alone(stack, &there);
    });
  }
  void expect_every_slope(const config::Case& c) {
    SCOPED_TRACE(support::describe(c));
    Stack<double> stack(c, device_, ledger_, communicator_);
    if (!c.model.has_ends()) expect_input_slope(stack);
    scalar_alone(stack);
    std::vector<Table<double>> gradients;
    for (const auto& p : stack.store().parameters()) gradients.push_back(read(p.gradient));
    std::size_t index = 0;
    for (const auto& p : stack.store().parameters()) {
      const Table<double> value = read(p.value);
      const auto u = random_table<double>(value.rows, value.columns, 6);
      expect_slope(p.spec.name, inner_product(gradients[index++], u), [&](double e) {
        write(p.value, moved(value, e, u));
        const double scalar = scalar_alone(stack);
        write(p.value, value);
        return scalar;
      });
    }
    EXPECT_EQ(index, support::parameters_of(c));
  }
  static config::Case narrow_case() {
    config::Case c = support::small_case(1, false);
    c.model.ffn_hidden_size = 20;
    return c;
  }

  Device device_;
  memory::Pool pool_;
  memory::Ledger ledger_{pool_};
  comm::SelfCommunicator communicator_;
  Table<double> output_gradient_;
};

TEST_F(StackGradient, OfInputAndEveryParameterAgreesWithFiniteDifferences) {
  config::Case c = narrow_case();
  for (const bool causal : {true, false}) {
    c.model.causal = causal;
    for (const double dropout : {0.0, 0.2}) {
      expect_every_slope(support::with_dropouts(c, dropout, dropout));
      expect_every_slope(support::blocked(support::with_dropouts(c, dropout, dropout)));
    }
  }
}

TEST_F(StackGradient, AgreesWithFiniteDifferencesWhateverIsRecomputed) {
  const config::Case c = narrow_case();
  expect_every_slope(support::recomputing(c, "selective"));
  expect_every_slope(support::recomputing(c, "full"));
  expect_every_slope(support::recomputing(support::blocked(c), "full"));
}

TEST_F(StackGradient, OfTheLlamaFamilyAgreesWithFiniteDifferences) {
  config::Case c = support::small_llama(1, false);
  for (const std::int64_t groups : {8, 4, 1}) {
    c.model.num_query_groups = groups;
    for (const bool causal : {true, false}) {
      c.model.causal = causal;
      expect_every_slope(c);
      expect_every_slope(support::blocked(c));
    }
    expect_every_slope(support::recomputing(c, "selective"));
    expect_every_slope(support::with_ends(c));
    expect_every_slope(support::recomputing(support::with_ends(support::blocked(c)), "full"));
  }
}

// The table has two uses, as embedding and as output projection. Its gradient has both parts.
TEST_F(StackGradient, OfTheLossByEveryParameterAgreesWithFiniteDifferences) {
  const config::Case c = support::with_ends(narrow_case());
  expect_every_slope(c);
  expect_every_slope(support::with_dropouts(c, 0.0, 0.0));
  expect_every_slope(support::blocked(c));
  expect_every_slope(support::recomputing(c, "selective"));
  expect_every_slope(support::recomputing(support::blocked(c), "full"));
}

}  // namespace
}  // namespace tidemark::model
