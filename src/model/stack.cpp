// SPDX-License-Identifier: BSD-3-Clause
#include "model/stack.hpp"

#include <cmath>
#include <utility>

#include "base/scalars.hpp"
#include "kernels/fill.hpp"
#include "model/streams.hpp"

namespace tidemark::model {

using memory::TensorClass;

namespace {

// Width of uniform numbers of unit variance.
const double unit_variance_width = std::sqrt(12.0);

}  // namespace

parallel::Schedule schedule_of(const config::Case& settings) {
  const config::OverlapConfig& overlap = settings.overlap;
  return {parallel::overlap_mode_of(overlap.mode), overlap.progress == config::Progress::poll,
          overlap.tile_rows, overlap.cut()};
}

template <class T>
Stack<T>::Stack(const config::Case& settings, Device& device, memory::Ledger& ledger,
                comm::Communicator& communicator)
    : settings_(settings),
      data_seed_(static_cast<std::uint32_t>(settings.bench.seed)),
      rotary_(settings, device) {
  use(device, communicator, schedule_of(settings), ledger);
  if (settings.model.has_ends()) {
    embedding_.emplace(store_, settings, *context_);
  }
  for (int layer = 0; layer < settings.model.num_layers; ++layer) {
    layers_.emplace_back(store_, settings, *context_, layer, rotary_);
  }
  if (embedding_) {
    head_.emplace(store_, embedding_->weight(), settings, *context_);
  }
  store_.allocate(device);
  store_.initialise(device, static_cast<std::uint32_t>(settings.bench.seed));
}

template <class T>
void Stack<T>::use(Device& device, comm::Communicator& communicator,
                   const parallel::Schedule& schedule, memory::Ledger& ledger) {
  context_.emplace(parallel::Context{
      device, ledger, communicator, settings_.model.tokens(), settings_.sequence_parallel(),
      settings_.parallel.keep_gathered, TensorClass::saved, schedule});
}

template <class T>
void Stack<T>::run_with(Device& device, comm::Communicator& communicator,
                        const parallel::Schedule& schedule) {
  TIDEMARK_REQUIRE(
      communicator.rank() == context_->rank() && communicator.size() == context_->ranks(),
      "the parameters are those of another rank");
  use(device, communicator, schedule, context_->ledger);
}

template <class T>
void Stack<T>::draw_data_with(std::uint32_t seed) {
  data_seed_ = seed;
  if (embedding_) embedding_->draw_tokens_with(seed);
  if (head_) head_->draw_tokens_with(seed);
}

template <class T>
memory::Tensor<T> Stack<T>::random_rows(const char* name, int layer, TensorClass tensor_class,
                                        std::uint32_t stream) {
  const std::int64_t hidden = settings_.model.hidden_size;
  Tensor tensor =
      context_->ledger.tensor<T>(name, layer, tensor_class, context_->local_tokens(), hidden);
  kernels::fill_uniform(context_->device, tensor.view(), {data_seed_, stream},
                        {context_->first_token(), 0, hidden}, 0.0, unit_variance_width);
  return tensor;
}

template <class T>
void Stack<T>::show(std::string_view name, const Tensor& tensor) const {
  if (observer_) observer_(name, tensor.view());
}

template <class T>
memory::Tensor<T> Stack<T>::make_input() {
  if (embedding_) return {};
  return random_rows("norm1 input", 0, TensorClass::saved, input_stream);
}

template <class T>
memory::Tensor<T> Stack<T>::make_output_gradient() {
  if (head_) return {};
  return random_rows("residual gradient", memory::no_layer, TensorClass::transient,
                     output_gradient_stream);
}

/// How the input of a layer is entered in the ledger. The layer after the last one stands for the
/// stack's output.
template <class T>
OutputEntry Stack<T>::input_of(int layer) const {
  if (layer < static_cast<int>(layers_.size())) {
    return {"norm1 input", layer, TensorClass::saved};
  }
  if (head_) {
    return {"final norm input", memory::no_layer, TensorClass::saved};
  }
  return {"output", memory::no_layer, TensorClass::transient};
}

template <class T>
memory::Tensor<T> Stack<T>::forward(Tensor input) {
  Tensor x = embedding_ ? embedding_->forward(*context_, input_of(0)) : std::move(input);
  show(embedding_ ? "embedding" : "input", x);
  parallel::Arriving<T> arriving = std::move(x);
  for (std::size_t layer = 0; layer < layers_.size(); ++layer) {
    arriving = layers_[layer].forward(*context_, std::move(arriving),
                                      input_of(static_cast<int>(layer) + 1));
  }
  x = arriving.take();
  show("output", x);
  if (head_) {
    loss_ = head_->forward(*context_, std::move(x));
    x.reset();
  }
  return x;
}

template <class T>
memory::Tensor<T> Stack<T>::backward(Tensor output_gradient) {
  Tensor gradient = head_ ? head_->backward(*context_) : std::move(output_gradient);
  show("output_grad", gradient);
  for (std::size_t layer = layers_.size(); layer > 0; --layer) {
    layers_[layer - 1].backward(*context_, gradient);
  }
  show(embedding_ ? "embedding_grad" : "input_grad", gradient);
  if (embedding_) {
    embedding_->backward(*context_, std::move(gradient));
    gradient.reset();
  }
  if (context_->sequence) {
    store_.reduce_replicated_gradients(*context_);
  }
  store_.reduce_gradients_of_shared_rows(*context_);
  return gradient;
}

TIDEMARK_INSTANTIATE_CLASS(Stack)

}  // namespace tidemark::model
