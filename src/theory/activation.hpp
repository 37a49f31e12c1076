// Activation bytes of a layer on paper: what is saved between its forward and its backward pass.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/case.hpp"

namespace tidemark::theory {

/// One tensor that a layer saves, on one rank.
struct SavedTensor {
  std::string name;        ///< as the stack names it, e.g. "qkv input"
  std::int64_t bytes = 0;  ///< a rank, more than 0
  bool in_formula = true;  ///< false for norm statistics, which the formula leaves out
};

/// The tensors that one layer of `c` saves on one rank, in the order of the forward pass, each with
/// its bytes; those that the case does not store are not listed.
///
/// Shapes, with w = `element_bytes` an element, S = s/t under sequence parallelism and s otherwise,
/// S' = s where `keep_gathered` holds and S otherwise:
///
///     norm1 input               [S, b, h] w      norm2 input               [S, b, h] w
///     norm1 statistics          [S, b, 2] w      norm2 statistics          [S, b, 2] w
///     qkv input                 [S', b, h] w     fc1 input                 [S', b, h] w
///     qkv                       [s, b, 3h/t] w   gelu input                [s, b, ffn/t] w
///     softmax output            [b, a/t, s, s] w fc2 input                 [s, b, ffn/t] w
///     attention dropout mask    [b, a/t, s, s] 1 hidden dropout mask 2     [S, b, h] 1
///     attention dropout output  [b, a/t, s, s] w
///     proj input                [s, b, h/t] w
///     hidden dropout mask 1     [S, b, h] 1
///
/// A dropout of probability 0 is the identity: neither its mask nor a second copy of its output is
/// stored, so a case with attention_dropout 0 lacks "attention dropout mask" and "attention dropout
/// output", and one with hidden_dropout 0 both hidden masks. The causal mask saves nothing: the
/// softmax output is stored whole. Norm statistics are mean and reciprocal deviation of each row.
///
/// The set of tensors is that of Korthikanti et al., "Reducing Activation Recomputation in Large
/// Transformer Models" (2022), section 4. Throws RunError where the bytes exceed 63 bits, or where
/// the case is not sharded evenly.
std::vector<SavedTensor> saved_tensors_per_layer(const config::Case& c, std::int64_t element_bytes);
std::vector<SavedTensor> saved_tensors_per_layer(const config::Case& c);

/// Bytes that one layer saves on one rank: the sum of the tensors that the formula counts. This is
/// what a run's saved bytes must equal. Errors as above.
std::int64_t saved_bytes_per_layer(const config::Case& c, std::int64_t element_bytes);
std::int64_t saved_bytes_per_layer(const config::Case& c);

/// Bytes of the norm statistics that one layer saves on one rank, apart from the formula.
std::int64_t norm_statistics_bytes_per_layer(const config::Case& c, std::int64_t element_bytes);
std::int64_t norm_statistics_bytes_per_layer(const config::Case& c);

/// The same bytes by the closed formulas of Korthikanti et al. (2022), Table 2, as a second opinion
/// that shares no arithmetic with the list above. With w = 2:
///
///     t = 1:          sbh (34 + 5as/h)
///     TP:             sbh (10 + 24/t + 5as/(ht))
///     TP and SP:      sbh/t (34 + 5as/h)
///     keep_gathered:  sbh (4 + 30/t + 5as/(ht))
///
/// and for another w, terms of 2 bytes scale by w/2 while masks stay 1 byte. The last line is not
/// in the paper: it is the third with the inputs of qkv and fc1 left whole.
///
/// nullopt where the formulas do not apply: ffn_hidden_size other than 4h, or a dropout of 0.
std::optional<std::int64_t> paper_bytes_per_layer(const config::Case& c,
                                                  std::int64_t element_bytes);
std::optional<std::int64_t> paper_bytes_per_layer(const config::Case& c);

}  // namespace tidemark::theory
