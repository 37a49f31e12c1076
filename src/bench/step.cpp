#include "bench/step.hpp"

#include <utility>

#include "base/stopwatch.hpp"

namespace tidemark::bench {

template <class T>
StepTime run_step(model::Stack<T>& stack, const Observer<T>& observe) {
  const parallel::Context& context = stack.context();
  const auto show = [&](std::string_view name, const memory::Tensor<T>& tensor) {
    context.device.fence();
    if (observe) {
      observe(name, tensor.view());
    }
  };
  StepTime time;
  context.ledger.begin_step();
  memory::Tensor<T> input = stack.make_input();
  show("input", input);

  context.communicator.barrier();
  const Stopwatch forward_watch;
  memory::Tensor<T> output = stack.forward(std::move(input));
  context.device.fence();
  time.forward = forward_watch.seconds();

  context.ledger.mark_turn();
  show("output", output);
  output.reset();
  memory::Tensor<T> gradient = stack.make_output_gradient();
  show("output_grad", gradient);

  context.communicator.barrier();
  const Stopwatch backward_watch;
  gradient = stack.backward(std::move(gradient));
  context.device.fence();
  time.backward = backward_watch.seconds();

  show("input_grad", gradient);
  gradient.reset();
  context.ledger.end_step();
  return time;
}

template StepTime run_step(model::Stack<float>&, const Observer<float>&);
template StepTime run_step(model::Stack<double>&, const Observer<double>&);

}  // namespace tidemark::bench
