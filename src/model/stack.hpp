// The transformer stack of one rank: its layers, its parameters, a step forward and backward.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string_view>

#include "config/case.hpp"
#include "memory/ledger.hpp"
#include "model/embedding.hpp"
#include "model/layer.hpp"
#include "model/loss_head.hpp"
#include "model/rotary.hpp"
#include "parallel/context.hpp"
#include "parallel/parameters.hpp"

namespace tidemark::model {

/// The schedule that a case asks for; where the mode is still to be chosen, the one that takes most
/// memory.
parallel::Schedule schedule_of(const config::Case& settings);

/// Sees tensors of a step as they come to be, each [s b, h] or this rank's [s b / t, h] under SP.
/// The matrix is valid only during the call; the device may still be at work on it.
template <class T>
using Observer = std::function<void(std::string_view name, const Matrix<T>& tensor)>;

/// One rank's part of the stack that a case describes. A step is
///
///     ledger.begin_step(); x = make_input(); y = forward(x); ledger.mark_turn();
///     y.reset(); g = backward(make_output_gradient()); g.reset(); ledger.end_step();
///
/// With ends (model.vocab_size), the stack makes its own input from tokens and its own gradient
/// from the loss: make_input and make_output_gradient give, and forward and backward take and
/// return, empty tensors.
///
/// Observed are, in this order: "input" ("embedding" with ends), "output" (of the last layer),
/// "output_grad", "input_grad" ("embedding_grad").
///
/// Collective: all ranks of the communicator build and step together. What it refers to (device,
/// ledger, communicator) must outlive it. In a dry run nothing is computed or exchanged,
/// and the ledger gets the entries all the same.
template <class T>
class Stack {
 public:
  using Tensor = memory::Tensor<T>;

  /// Allocates and fills parameters; throws RunError when memory runs out.
  Stack(const config::Case& settings, Device& device, memory::Ledger& ledger,
        comm::Communicator& communicator);
  Stack(const Stack&) = delete;
  Stack& operator=(const Stack&) = delete;

  /// From the next step on, runs on another device, over another communicator with the same place
  /// among the ranks, or on another schedule; what they refer to must outlive the stack.
  void run_with(Device& device, comm::Communicator& communicator,
                const parallel::Schedule& schedule);

  /// From the next step on, draws input, R and tokens with this seed; parameters and dropout stay.
  void draw_data_with(std::uint32_t seed);

  /// The fixed random input, this rank's rows: [s b, h] or under SP [s b / t, h].
  Tensor make_input();
  /// The fixed random gradient R of the output, in the same shape: the scalar is <output, R>.
  Tensor make_output_gradient();

  /// Input -> output of the last layer.
  Tensor forward(Tensor input);
  /// Gradient of the output -> gradient of the input; leaves all parameter gradients complete.
  Tensor backward(Tensor output_gradient);

  /// Mean loss of a token in the last forward, in nats; without ends there is none.
  [[nodiscard]] std::optional<double> loss() const { return loss_; }
  /// Shows the tensors of the steps to come; an empty function ends it.
  void observe(Observer<T> observer) { observer_ = std::move(observer); }

  [[nodiscard]] const parallel::ParameterStore<T>& store() const { return store_; }
  [[nodiscard]] const parallel::Context& context() const { return *context_; }
  /// Of the table of rotary angles: neither activations nor parameters, and held as these are.
  [[nodiscard]] std::size_t table_bytes() const { return rotary_.table_bytes(); }
  /// The weight of the largest product with a weight, in the first layer: [out/t, h].
  [[nodiscard]] const Matrix<T>& largest_weight() { return layers_.front().largest_weight(); }

 private:
  void use(Device& device, comm::Communicator& communicator, const parallel::Schedule& schedule,
           memory::Ledger& ledger);
  Tensor random_rows(const char* name, int layer, memory::TensorClass tensor_class,
                     std::uint32_t stream);
  [[nodiscard]] OutputEntry input_of(int layer) const;
  void show(std::string_view name, const Tensor& tensor) const;

  config::Case settings_;
  std::uint32_t data_seed_;
  std::optional<parallel::Context> context_;
  parallel::ParameterStore<T> store_;
  Rotary<T> rotary_;
  std::optional<Embedding<T>> embedding_;
  std::deque<Layer<T>> layers_;
  std::optional<LossHead<T>> head_;
  std::optional<double> loss_;
  Observer<T> observer_;
};

}  // namespace tidemark::model
