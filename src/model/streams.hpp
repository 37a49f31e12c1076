// SPDX-License-Identifier: BSD-3-Clause
// The random streams of a stack: the number of each random tensor (see
// docs/definitions/random-numbers.md).
#pragma once

#include <cstdint>

namespace tidemark::model {

/// Streams of the stack as a whole.
inline constexpr std::uint32_t input_stream = 0;
inline constexpr std::uint32_t output_gradient_stream = 1;
inline constexpr std::uint32_t tokens_stream = 2;
inline constexpr std::uint32_t embedding_weight_stream = 3;
inline constexpr std::uint32_t embedding_mask_stream = 4;
inline constexpr std::uint32_t final_norm_weight_stream = 5;
inline constexpr std::uint32_t final_norm_bias_stream = 6;
inline constexpr std::uint32_t output_projection_weight_stream = 7;  ///< if it is not tied

/// The random tensors of one layer.
enum class Slot : std::uint32_t {
  norm1_weight = 0,
  norm1_bias = 1,
  qkv_weight = 2,
  qkv_bias = 3,
  attention_mask = 4,
  proj_weight = 5,
  proj_bias = 6,
  hidden_mask1 = 7,
  norm2_weight = 8,
  norm2_bias = 9,
  fc1_weight = 10,
  fc1_bias = 11,
  fc2_weight = 12,
  fc2_bias = 13,
  hidden_mask2 = 14,
};

inline constexpr std::uint32_t streams_per_layer = 32;

inline std::uint32_t stream_of(int layer, Slot slot) {
  return (static_cast<std::uint32_t>(layer) + 1) * streams_per_layer +
         static_cast<std::uint32_t>(slot);
}

}  // namespace tidemark::model
