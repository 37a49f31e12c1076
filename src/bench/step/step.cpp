// SPDX-License-Identifier: BSD-3-Clause
#include "bench/step/step.hpp"

#include <string_view>
#include <utility>

#include "base/stopwatch.hpp"

namespace tidemark::bench {

namespace {

/// Passes the stack's tensors to an observer during its lifetime.
template <class T>
class Observation {
 public:
  Observation(model::Stack<T>& stack, const Observer<T>& observe) : stack_(stack) {
    if (!observe) return;
    stack_.observe([&stack, &observe](std::string_view name, const Matrix<T>& tensor) {
      stack.context().device.fence();
      observe(name, tensor);
    });
  }
  ~Observation() { stack_.observe({}); }
  Observation(const Observation&) = delete;
  Observation& operator=(const Observation&) = delete;

 private:
  model::Stack<T>& stack_;
};

/// Waits for the kernels, and for collectives that run on the device.
void idle(const parallel::Context& context) {
  context.device.fence();
  context.communicator.fence();
}

/// All elements of an activation; empty if it does not exist, as with ends.
template <class T>
Vector<T> elements_of(const memory::Tensor<T>& tensor) {
  return tensor.empty() ? Vector<T>() : as_vector(tensor.view());
}

}  // namespace

template <class T>
StepTime run_step(model::Stack<T>& stack, const Observer<T>& observe, Brake* brake,
                  StepDigest* digest) {
  const parallel::Context& context = stack.context();
  const Observation<T> observation(stack, observe);
  StepTime time;
  context.ledger.begin_step();
  memory::Tensor<T> input = stack.make_input();
  context.device.fence();

  context.communicator.barrier();
  const Stopwatch forward_watch;
  if (brake != nullptr) brake->press();
  memory::Tensor<T> output = stack.forward(std::move(input));
  idle(context);
  time.forward = forward_watch.seconds();

  if (digest != nullptr) {
    digest->output = digest_of(context.device, elements_of(output));
    digest->loss = stack.loss();
  }
  context.ledger.mark_turn();
  output.reset();
  memory::Tensor<T> gradient = stack.make_output_gradient();
  context.device.fence();

  context.communicator.barrier();
  const Stopwatch backward_watch;
  gradient = stack.backward(std::move(gradient));
  idle(context);
  time.backward = backward_watch.seconds();

  if (digest != nullptr) {
    digest->input_gradient = digest_of(context.device, elements_of(gradient));
    digest->parameter_gradients = digest_of(context.device, stack.store().gradients());
  }
  gradient.reset();
  context.ledger.end_step();
  return time;
}

template StepTime run_step(model::Stack<bfloat16>&, const Observer<bfloat16>&, Brake*, StepDigest*);
template StepTime run_step(model::Stack<float>&, const Observer<float>&, Brake*, StepDigest*);
template StepTime run_step(model::Stack<double>&, const Observer<double>&, Brake*, StepDigest*);

}  // namespace tidemark::bench
