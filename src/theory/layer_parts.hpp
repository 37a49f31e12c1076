// SPDX-License-Identifier: BSD-3-Clause
// The parts of a layer on one rank: numbers that describe the differences between the families.
//
// Saved bytes, parameters, operations and traffic are sums over these parts, with one formula for
// every family.
#pragma once

#include <cstdint>
#include <string_view>

#include "config/case.hpp"

namespace tidemark::theory {

/// Bytes of an element, w, and of an element of the type in which sums are formed, F.
[[nodiscard]] inline std::int64_t element_bytes(const config::Case& c) {
  return static_cast<std::int64_t>(c.element_bytes());
}
[[nodiscard]] inline std::int64_t accumulation_bytes(const config::Case& c) {
  return static_cast<std::int64_t>(c.accumulation_bytes());
}

/// LayerNorm, or RMSNorm (Zhang and Sennrich, "Root Mean Square Layer Normalization", 2019).
struct NormParts {
  std::int64_t vectors;  ///< parameters, in vectors of h: weight and bias, or only the weight
  /// Numbers per row for backward: mean and reciprocal deviation, or the reciprocal root mean
  /// square.
  std::int64_t statistics;
};

/// Multi-head attention, or attention with grouped queries (Ainslie et al., "GQA", 2023).
struct AttentionParts {
  std::int64_t heads;      ///< of queries: a/t
  std::int64_t qkv;        ///< columns of qkv: (a/t + 2 max(g/t, 1)) d
  std::int64_t context;    ///< columns that enter proj: h/t
  std::int64_t key_value;  ///< columns of keys and values that other ranks also hold: 2d, or 0
  std::int64_t replicas;   ///< ranks that hold the same keys and values: max(t/g, 1)
};

/// fc1, GELU and fc2; or SwiGLU, whose fc1 has gate and up (Shazeer, "GLU Variants Improve
/// Transformer", 2020).
struct MlpParts {
  std::int64_t fc1;             ///< columns of fc1's output: ffn/t or 2 ffn/t
  std::int64_t fc2;             ///< columns that enter fc2: ffn/t
  std::string_view fc1_output;  ///< the stack's name of fc1's output
};

/// One layer on one rank, and what the ends have in common with it.
struct LayerParts {
  NormParts norm;
  AttentionParts attention;
  MlpParts mlp;
  bool has_biases;      ///< of the linear layers
  bool rotates;         ///< queries and keys, by their positions
  bool ties_embedding;  ///< the output projection uses the embedding's table

  /// Vectors of h elements that every rank holds whole: of both norms, and the biases of proj and
  /// fc2.
  [[nodiscard]] std::int64_t replicated_vectors() const {
    return 2 * norm.vectors + (has_biases ? 2 : 0);
  }
};

/// The parts of a layer of `c` on one of its ranks. Throws RunError if the case is not sharded
/// evenly.
[[nodiscard]] LayerParts parts_of(const config::Case& c);

}  // namespace tidemark::theory
