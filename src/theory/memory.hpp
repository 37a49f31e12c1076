// SPDX-License-Identifier: BSD-3-Clause
// Bytes of parameters, gradients, optimizer state and communication buffers, by formula.
#pragma once

#include <cstdint>

#include "config/case.hpp"

namespace tidemark::theory {

/// Parameters of one layer on one rank.
///
/// * Family gpt: qkv 3h·h/t + 3h/t, proj h·h/t + h, fc1 ffn·h/t + ffn/t, fc2 h·ffn/t + h, and
///   weight and bias of both norms, 4h.
/// * Family llama: qkv (a/t + 2 max(g/t, 1)) d·h, proj h·h/t, fc1 2ffn·h/t, fc2 h·ffn/t, and the
///   weights of both norms, 2h.
///
/// This function and all below throw RunError if the count exceeds 63 bits, or if the case is not
/// sharded evenly.
std::int64_t parameters_per_layer(const config::Case& c);

/// Parameters of the two ends on one rank. Family gpt has the table V'/t·h, which embedding and
/// output projection share, and weight and bias of the final norm, 2h. Family llama has two tables,
/// and the weight, h. 0 for a case without ends.
std::int64_t parameters_of_ends(const config::Case& c);

/// Parameters of the whole stack on one rank.
std::int64_t parameters_per_rank(const config::Case& c);

/// Bytes per parameter, part by part. The total is 18 in bf16 (as Megatron-LM publishes), 16 in
/// fp32, 32 in fp64.
struct BytesPerParameter {
  std::int64_t parameter;  ///< w
  std::int64_t gradient;   ///< in the accumulation type
  /// Adam has two moments in the accumulation type, and an fp32 master copy if w < F.
  std::int64_t optimizer;

  [[nodiscard]] std::int64_t total() const { return parameter + gradient + optimizer; }
};
BytesPerParameter bytes_per_parameter(const config::Case& c);

/// Bytes of all parameters of one rank, of their gradients, and of Adam's state for them.
std::int64_t parameter_bytes(const config::Case& c);
std::int64_t gradient_bytes(const config::Case& c);
std::int64_t optimizer_bytes(const config::Case& c);

/// Bytes of the table of rotary cosines and sines, s d F per stack; 0 for a family without
/// rotation.
std::int64_t rotary_table_bytes(const config::Case& c);

/// Bytes of a rank's own communication buffers, without scratch memory of collectives. They are for
/// r = t/g > 1 ranks that hold the same keys and values. The buffer receives the gradients of k's
/// and v's rows of qkv.weight from r - 1 of them: (r - 1) 2d·h F bytes per stack. Otherwise 0.
std::int64_t exchange_buffer_bytes(const config::Case& c);

}  // namespace tidemark::theory
