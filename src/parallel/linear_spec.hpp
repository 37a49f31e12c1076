// What a sharded linear layer is made of, and the names of its activations.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "kernels/fill.hpp"

namespace tidemark::parallel {

/// Names under which a linear layer's activations stand in the ledger; string literals.
struct LinearNames {
  std::string_view input;           ///< what is saved for backward
  std::string_view gathered_input;  ///< under SP: the whole input while a product needs it
  std::string_view output;
  std::string_view output_shard;
  std::string_view input_gradient;
  std::string_view input_gradient_shard;
  std::string_view gathered_gradient;
  std::string_view arrived_parts = "";  ///< under SP and ring: what others add to a shard
};

/// What a linear layer is made of.
struct LinearSpec {
  std::string name;  ///< prefix of its parameters: "layers.0.qkv"
  int layer = 0;
  std::int64_t in = 0;   ///< global input width
  std::int64_t out = 0;  ///< global output width
  std::uint32_t weight_stream = 0;
  std::uint32_t bias_stream = 0;
  bool keeps_output = false;  ///< the output is kept for the backward pass by who receives it
  /// Under ring a part of the weight's gradient is left for the collective that follows, which has
  /// too little beside it: seven eighths under SP, for the gather in the backward of proj, and
  /// three eighths without, for the reduction in that of qkv. So both collectives have about as
  /// much.
  bool defers_weight_gradient = false;
  /// Where this rank's rows of a weight that is sharded by rows lie, if not an even share in the
  /// order of the ranks. Such a layer has no bias.
  kernels::Placement rows = {};
};

/// Who adds the bias of a linear layer: its product, or the kernel that follows. Or there is none.
enum class Bias { in_product, left_to_caller, none };

}  // namespace tidemark::parallel
