// The stack's gradients against differences of <output, R>: input and every parameter.
#include <gtest/gtest.h>

#include <functional>
#include <utility>

#include "comm/self.hpp"
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

class StackGradient : public ::testing::Test {
 protected:
  /// <output, R> of the stack at an input; leaves what the forward saved to `backward`.
  double loss_of(Stack<double>& stack, const Table<double>& input) {
    auto x = stack.make_input();
    write(x.view(), input);
    const auto y = stack.forward(std::move(x));
    device_.fence();
    return inner_product(read(y.view()), gradient_);
  }
  /// The same, after which nothing is live.
  double loss_alone(Stack<double>& stack, const Table<double>& input) {
    const double loss = loss_of(stack, input);
    stack.backward(stack.make_output_gradient()).reset();
    return loss;
  }
  void expect_slope(const std::string& what, double by_backward,
                    const std::function<double(double)>& loss_at) {
    const double step = 1e-5;
    const double by_difference = (loss_at(step) - loss_at(-step)) / (2.0 * step);
    EXPECT_NEAR(by_difference, by_backward, 1e-6 * std::max(1.0, std::abs(by_backward))) << what;
    EXPECT_GT(std::abs(by_backward), 1e-4) << what << ": a slope of nothing proves nothing";
  }

  Device device_;
  memory::Pool pool_;
  memory::Ledger ledger_{pool_};
  comm::SelfCommunicator communicator_;
  Table<double> gradient_;
};

TEST_F(StackGradient, OfInputAndEveryParameterAgreesWithFiniteDifferences) {
  config::Case c = support::small_case(1, false);
  c.model.ffn_hidden_size = 20;
  for (const bool causal : {true, false}) {
    for (const double dropout : {0.0, 0.2}) {
      SCOPED_TRACE(::testing::Message() << "causal " << causal << ", dropout " << dropout);
      c.model.causal = causal;
      c.model.hidden_dropout = c.model.attention_dropout = dropout;
      Stack<double> stack(c, device_, ledger_, communicator_);
      const Table<double> input = read(stack.make_input().view());
      gradient_ = read(stack.make_output_gradient().view());
      loss_of(stack, input);
      const auto input_gradient = stack.backward(stack.make_output_gradient());
      device_.fence();
      const Table<double> dx = read(input_gradient.view());
      std::vector<Table<double>> parameter_gradients;
      for (const auto& p : stack.store().parameters()) {
        parameter_gradients.push_back(read(p.gradient));
      }

      const auto v = random_table<double>(input.rows, input.columns, 5);
      expect_slope("input", inner_product(dx, v),
                   [&](double e) { return loss_alone(stack, moved(input, e, v)); });
      std::size_t index = 0;
      for (const auto& p : stack.store().parameters()) {
        const Table<double> value = read(p.value);
        const auto u = random_table<double>(value.rows, value.columns, 6);
        expect_slope(p.spec.name, inner_product(parameter_gradients[index], u), [&](double e) {
          write(p.value, moved(value, e, u));
          const double loss = loss_alone(stack, input);
          write(p.value, value);
          return loss;
        });
        ++index;
      }
      EXPECT_EQ(index, 24U);
    }
  }
}

}  // namespace
}  // namespace tidemark::model
