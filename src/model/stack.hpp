// SPDX-License-Identifier: BSD-3-Clause
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

/// The schedule of a case. If its mode is not chosen yet, the schedule of the mode that needs the
/// most memory.
parallel::Schedule schedule_of(const config::Case& settings);

/// Gets tensors of a step when they are made, each [s b, h], or this rank's [s b / t, h] under SP.
/// The matrix is valid only during the call. The device may still be writing it.
template <class T>
using Observer = std::function<void(std::string_view name, const Matrix<T>& tensor)>;

/// One rank's part of the stack that a case describes. A step is
///
///     ledger.begin_step(); x = make_input(); y = forward(x); ledger.mark_turn();
///     y.reset(); g = backward(make_output_gradient()); g.reset(); ledger.end_step();
///
/// With ends (model.vocab_size), the stack makes its own input from tokens and its own gradient
/// from the loss. Then make_input and make_output_gradient return empty tensors, and forward and
/// backward take and return empty tensors.
///
/// An observer gets, in this order: "input" ("embedding" with ends), "output" (of the last layer),
/// "output_grad", "input_grad" ("embedding_grad").
///
/// Collective: all ranks of the communicator build and step together. Device, ledger and
/// communicator must outlive the stack. A dry run computes and exchanges nothing, but the ledger
/// gets the same entries.
template <class T>
class Stack {
 public:
  using Tensor = memory::Tensor<T>;

  /// Allocates and fills parameters. Throws RunError if memory runs out.
  Stack(const config::Case& settings, Device& device, memory::Ledger& ledger,
        comm::Communicator& communicator);
  Stack(const Stack&) = delete;
  Stack& operator=(const Stack&) = delete;

  /// From the next step on, uses another device, another communicator or another schedule. The
  /// communicator must have the same rank and size. The arguments must outlive the stack.
  void run_with(Device& device, comm::Communicator& communicator,
                const parallel::Schedule& schedule);

  /// From the next step on, draws input, R and tokens with this seed. Parameters and dropout do not
  /// change.
  void draw_data_with(std::uint32_t seed);

  /// Makes the fixed random input, this rank's rows: [s b, h], or [s b / t, h] under SP.
  Tensor make_input();
  /// Makes the fixed random gradient R of the output, in the same shape. The scalar is <output, R>.
  Tensor make_output_gradient();

  /// Input -> output of the last layer.
  Tensor forward(Tensor input);
  /// Gradient of the output -> gradient of the input. Completes all parameter gradients.
  Tensor backward(Tensor output_gradient);

  /// Mean loss per token in the last forward, in nats; nullopt without ends.
  [[nodiscard]] std::optional<double> loss() const { return loss_; }
  /// Passes the tensors of later steps to `observer`. An empty function ends this.
  void observe(Observer<T> observer) { observer_ = std::move(observer); }

  [[nodiscard]] const parallel::ParameterStore<T>& store() const { return store_; }
  [[nodiscard]] const parallel::Context& context() const { return *context_; }
  /// Bytes of the table of rotary angles. The table is held as long as the parameters are.
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
