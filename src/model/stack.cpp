#include "model/stack.hpp"

#include <cmath>
#include <utility>

#include "kernels/fill.hpp"
#include "model/streams.hpp"

namespace tidemark::model {

using memory::TensorClass;

namespace {
// Uniform numbers of unit variance.
const double unit_variance_width = std::sqrt(12.0);
}  // namespace

template <class T>
Stack<T>::Stack(const config::Case& settings, Device& device, memory::Ledger& ledger,
                comm::Communicator& communicator)
    : settings_(settings),
      context_{device,
               ledger,
               communicator,
               settings.model.tokens(),
               settings.sequence_parallel(),
               settings.parallel.keep_gathered} {
  for (int layer = 0; layer < settings.model.num_layers; ++layer) {
    layers_.emplace_back(store_, settings, context_, layer);
  }
  store_.allocate();
  store_.initialise(device, static_cast<std::uint32_t>(settings.bench.seed));
}

template <class T>
memory::Tensor<T> Stack<T>::random_rows(const char* name, int layer, TensorClass tensor_class,
                                        std::uint32_t stream) {
  const std::int64_t hidden = settings_.model.hidden_size;
  Tensor tensor =
      context_.ledger.tensor<T>(name, layer, tensor_class, context_.local_tokens(), hidden);
  kernels::fill_uniform(context_.device, tensor.view(),
                        {static_cast<std::uint32_t>(settings_.bench.seed), stream},
                        {context_.first_token(), 0, hidden}, 0.0, unit_variance_width);
  return tensor;
}

template <class T>
memory::Tensor<T> Stack<T>::make_input() {
  return random_rows("norm1 input", 0, TensorClass::saved, input_stream);
}

template <class T>
memory::Tensor<T> Stack<T>::make_output_gradient() {
  return random_rows("residual gradient", memory::no_layer, TensorClass::transient,
                     output_gradient_stream);
}

template <class T>
OutputEntry Stack<T>::output_of(int layer) const {
  if (layer + 1 < static_cast<int>(layers_.size())) {
    return {"norm1 input", layer + 1, TensorClass::saved};
  }
  return {"output", memory::no_layer, TensorClass::transient};
}

template <class T>
memory::Tensor<T> Stack<T>::forward(Tensor input) {
  Tensor x = std::move(input);
  for (std::size_t layer = 0; layer < layers_.size(); ++layer) {
    x = layers_[layer].forward(context_, std::move(x), output_of(static_cast<int>(layer)));
  }
  return x;
}

template <class T>
memory::Tensor<T> Stack<T>::backward(Tensor output_gradient) {
  for (std::size_t layer = layers_.size(); layer > 0; --layer) {
    layers_[layer - 1].backward(context_, output_gradient);
  }
  if (context_.sequence) {
    store_.reduce_replicated_gradients(context_);
  }
  return output_gradient;
}

template class Stack<float>;
template class Stack<double>;

}  // namespace tidemark::model
