// Layer normalisation as a module: its parameters and the statistics it saves.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "memory/ledger.hpp"
#include "parallel/arriving.hpp"
#include "parallel/context.hpp"
#include "parallel/parameters.hpp"

namespace tidemark::model {

struct LayerNormSpec {
  std::string name;  ///< prefix of its parameters: "layers.0.norm1"
  int layer = 0;
  std::uint32_t weight_stream = 0;
  std::uint32_t bias_stream = 0;
  std::string_view statistics_name;  ///< of the saved mean and reciprocal deviation
  std::string_view output_name;      ///< of the normalised rows: the next linear's input
  bool keeps_output = true;          ///< the output is kept for backward by who receives it
};

/// Normalises the rows a rank has: all of [s b, h], or its shard under SP. The parameters are
/// replicated; under SP their gradients are of this rank's rows only, until the store reduces them.
template <class T>
class LayerNorm {
 public:
  using Tensor = memory::Tensor<T>;

  LayerNorm(parallel::ParameterStore<T>& store, const parallel::Context& context,
            std::int64_t hidden, LayerNormSpec spec);

  /// x [., h] -> its normalised rows, in a new tensor, chunk by chunk where x comes so; x stays the
  /// caller's, and has to stay where it is until they have all been asked for.
  parallel::Arriving<T> forward(const parallel::Context& context, parallel::Arriving<T>& x);

  /// Adds the gradient of x to `gradient` [., h], and writes the parameters' gradients.
  void backward(const parallel::Context& context, const Matrix<T>& output_gradient,
                const Matrix<T>& x, const Matrix<T>& gradient);
  /// Frees the statistics unused.
  void forget() { statistics_.reset(); }

 private:
  LayerNormSpec spec_;
  parallel::Parameter<T>& weight_;
  parallel::Parameter<T>& bias_;
  memory::Tensor<Accumulate<T>> statistics_;  ///< [., 2]
};

}  // namespace tidemark::model
