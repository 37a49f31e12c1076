// SPDX-License-Identifier: BSD-3-Clause
// One layer: two residual sublayers, each norm -> block -> bias, dropout, residual (pre-norm).
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "config/case.hpp"
#include "kernels/dropout.hpp"
#include "memory/ledger.hpp"
#include "model/attention.hpp"
#include "model/mlp.hpp"
#include "model/norm.hpp"
#include "model/rotary.hpp"
#include "parallel/context.hpp"
#include "parallel/overlap/arriving.hpp"

namespace tidemark::model {

/// The name, layer and class under which a sublayer's output is entered in the ledger. The output
/// is the next sublayer's input, and the next sublayer saves it.
struct OutputEntry {
  std::string_view name;
  int layer;
  memory::TensorClass tensor_class;
};

/// y = x + dropout(block(norm(x)) + bias). Block is Attention<T> or Mlp<T>.
template <class T, class Block>
class Sublayer {
 public:
  using Tensor = memory::Tensor<T>;

  Sublayer(const config::Case& settings, const parallel::Context& context, int layer,
           std::unique_ptr<Norm<T>> norm, std::unique_ptr<Block> block, std::uint32_t mask_stream,
           std::string_view mask_name);

  /// Takes and keeps x [., h]. Returns y of the same shape. All of x has arrived when it returns.
  parallel::Arriving<T> forward(const parallel::Context& context, parallel::Arriving<T> input,
                                const OutputEntry& output);
  /// Turns the gradient of y into that of x, in place. Frees what forward kept.
  void backward(const parallel::Context& context, const Tensor& gradient);
  /// Frees what forward kept, without using it, except x, which it returns.
  Tensor forget();

  [[nodiscard]] Block& block() { return *block_; }

 private:
  int layer_;
  std::unique_ptr<Norm<T>> norm_;
  std::unique_ptr<Block> block_;
  kernels::Dropout dropout_;
  std::string_view mask_name_;
  parallel::Arriving<T> input_;        ///< x: the norm's input and the residual
  memory::Tensor<std::uint8_t> mask_;  ///< [., h], empty without dropout
};

/// x = x + dropout(attention(norm1(x)) + bias); x = x + dropout(mlp(norm2(x)) + bias).
///
/// A family selects the norm, the attention and the MLP. Biases and dropout are absent in a family
/// without them.
///
/// With full recomputation it keeps only x, and its backward runs the whole forward again. This is
/// the method of Chen et al. ("Training deep nets with sublinear memory cost", 2016).
template <class T>
class Layer {
 public:
  using Tensor = memory::Tensor<T>;

  Layer(parallel::ParameterStore<T>& store, const config::Case& settings,
        const parallel::Context& context, int layer, const Rotary<T>& rotary);

  /// x [., h] -> the layer's output, entered in the ledger as `output` says. All of it must have
  /// arrived before this layer's backward.
  parallel::Arriving<T> forward(const parallel::Context& context, parallel::Arriving<T> input,
                                const OutputEntry& output);
  /// Turns the gradient of the output into that of the input, in place.
  void backward(const parallel::Context& context, const Tensor& gradient);

  /// The weight of the layer's largest product with a weight: fc1, or qkv if that is wider.
  [[nodiscard]] const Matrix<T>& largest_weight();

 private:
  parallel::Arriving<T> run(const parallel::Context& context, parallel::Arriving<T> input,
                            const OutputEntry& output);

  int layer_;
  bool recomputes_;
  Tensor input_;  ///< x, with full recomputation
  Sublayer<T, Attention<T>> attention_;
  Sublayer<T, Mlp<T>> mlp_;
};

}  // namespace tidemark::model
