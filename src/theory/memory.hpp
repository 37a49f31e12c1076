// Bytes of parameters, their gradients, the optimizer's state and communication buffers, by
// formula.
#pragma once

#include <cstdint>

#include "config/case.hpp"

namespace tidemark::theory {

/// Parameters of one layer on one rank. Family gpt: qkv 3h·h/t + 3h/t, proj h·h/t + h,
/// fc1 ffn·h/t + ffn/t, fc2 h·ffn/t + h, and weight and bias of both norms, 4h. Family llama: qkv
/// (a/t + 2 max(g/t, 1)) d·h, proj h·h/t, fc1 2ffn·h/t, fc2 h·ffn/t, and the weights of both norms,
/// 2h.
///
/// This and all below throw RunError where the count exceeds 63 bits, or where the case is not
/// sharded evenly.
std::int64_t parameters_per_layer(const config::Case& c);

/// Parameters of the two ends on one rank: the table V'/t·h that embedding and output projection
/// share, and weight and bias of the final norm, 2h; in family llama a table for each, and the
/// weight, h. 0 for a case without ends.
std::int64_t parameters_of_ends(const config::Case& c);

/// Parameters of the whole stack on one rank.
std::int64_t parameters_per_rank(const config::Case& c);

/// What one parameter costs in bytes, part by part. The total is 18 in bf16 (as Megatron-LM
/// publishes), 16 in fp32, 32 in fp64.
struct BytesPerParameter {
  std::int64_t parameter;  ///< w
  std::int64_t gradient;   ///< kept in the accumulation type
  /// Adam: two moments in the accumulation type, and an fp32 master copy where w is less than that.
  std::int64_t optimizer;

  [[nodiscard]] std::int64_t total() const { return parameter + gradient + optimizer; }
};
BytesPerParameter bytes_per_parameter(const config::Case& c);

/// Bytes of all parameters of one rank, of their gradients, and of what Adam would keep for them.
std::int64_t parameter_bytes(const config::Case& c);
std::int64_t gradient_bytes(const config::Case& c);
std::int64_t optimizer_bytes(const config::Case& c);

/// Bytes of the table of rotary cosines and sines, s d F once a stack; 0 for a family without them.
std::int64_t rotary_table_bytes(const config::Case& c);

/// Bytes of a rank's own communication buffers but for scratch memory of collectives: where t/g = r
/// > 1 ranks hold the same keys and values, what r - 1 of them say of the gradient of k's and v's
/// rows of qkv.weight, (r - 1) 2d·h F bytes once a stack; else 0.
std::int64_t exchange_buffer_bytes(const config::Case& c);

}  // namespace tidemark::theory
