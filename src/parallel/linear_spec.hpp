// SPDX-License-Identifier: BSD-3-Clause
// The settings of a sharded linear layer, and the names of its activations.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "kernels/fill.hpp"

namespace tidemark::parallel {

/// Names of a linear layer's activations in the ledger. They must be string literals.
struct LinearNames {
  std::string_view input;           ///< the input that is saved for backward
  std::string_view gathered_input;  ///< under SP: the whole input, while a product needs it
  std::string_view output;
  std::string_view output_shard;
  std::string_view input_gradient;
  std::string_view input_gradient_shard;
  std::string_view gathered_gradient;
  /// under SP and ring: what other ranks add to this rank's shard
  std::string_view arrived_parts = "";
};

/// The settings of a linear layer.
struct LinearSpec {
  std::string name;  ///< prefix of its parameters' names, such as "layers.0.qkv"
  int layer = 0;
  std::int64_t in = 0;   ///< global input width
  std::int64_t out = 0;  ///< global output width
  std::uint32_t weight_stream = 0;
  std::uint32_t bias_stream = 0;
  bool keeps_output = false;  ///< the module that receives the output keeps it for backward
  /// Under ring, part of the weight's gradient waits for the next collective, which has too little
  /// concurrent work. Under SP this part is seven eighths, for the gather in the backward of proj.
  /// Without SP it is three eighths, for the reduction in the backward of qkv. So both collectives
  /// have about the same amount of concurrent work.
  bool defers_weight_gradient = false;
  /// The places of this rank's rows of a weight that is sharded by rows. Empty means an even share
  /// in rank order. A layer with such places has no bias.
  kernels::Placement rows = {};
};

/// What adds the bias of a linear layer: its product, or the kernel that follows. `none`: no bias.
enum class Bias { in_product, left_to_caller, none };

}  // namespace tidemark::parallel
