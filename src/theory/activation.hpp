// SPDX-License-Identifier: BSD-3-Clause
// Activation bytes by formula: what a layer and the two ends of the stack save between the forward
// and the backward pass.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/case.hpp"

namespace tidemark::theory {

/// One tensor that is saved on one rank.
struct SavedTensor {
  std::string name;        ///< the stack's name of it, such as "qkv input"
  std::int64_t bytes = 0;  ///< per rank, more than 0
  bool in_formula = true;  ///< false for norm statistics, which the formula leaves out
};

/// The tensors that one layer of `c` saves on one rank, in the order of the forward pass, with
/// their bytes. It lists only tensors that the case stores.
///
/// Shapes, with w bytes per element, and F = `accumulation_bytes`. S is s/t under sequence
/// parallelism, and s otherwise. S' is s with `keep_gathered`, and S otherwise.
///
///     norm1 input               [S, b, h] w      norm2 input               [S, b, h] w
///     norm1 statistics          [S, b, 2] F      norm2 statistics          [S, b, 2] F
///     qkv input                 [S', b, h] w     fc1 input                 [S', b, h] w
///     qkv                       [s, b, 3h/t] w   gelu input                [s, b, ffn/t] w
///     softmax output            [b, a/t, s, s] w fc2 input                 [s, b, ffn/t] w
///     attention dropout mask    [b, a/t, s, s] 1 hidden dropout mask 2     [S, b, h] 1
///     attention dropout output  [b, a/t, s, s] w
///     attention log-sum-exp     [b, a/t, s] F
///     proj input                [s, b, h/t] w
///     hidden dropout mask 1     [S, b, h] 1
///
/// Only materialized attention without recomputation has the three tensors of s² elements. Only
/// blocked attention has the log-sum-exp, which belongs to the formula. With `recompute: full` only
/// the norm1 input is saved, and no statistics.
///
/// A dropout of probability 0 is the identity, and stores neither a mask nor a copy of its output.
/// With attention_dropout 0 there is no "attention dropout mask" and no "attention dropout output".
/// With hidden_dropout 0 there are no hidden masks. The causal mask saves nothing, because the
/// softmax output is stored whole. Norm statistics are mean and reciprocal deviation per row.
///
/// The set of tensors is that of Korthikanti et al., "Reducing Activation Recomputation in Large
/// Transformer Models" (2022), section 4.
///
/// Family llama has no dropout. It differs from the above in
///
///     norm1, norm2 statistics   [S, b, 1] F           the reciprocal root of the mean square
///     qkv                       [s, b, (a/t + 2 max(g/t, 1)) d] w, q and k as rotated
///     fc1 output                [s, b, 2 ffn/t] w     in place of the gelu input
///
/// Throws RunError if the bytes exceed 63 bits, or if the case is not sharded evenly.
std::vector<SavedTensor> saved_tensors_per_layer(const config::Case& c);

/// The tensors that the two ends of the stack save on one rank, per stack; empty for a case without
/// ends. V' is the vocabulary padded to a multiple of t:
///
///     embedding dropout mask    [S, b, h] 1      only with hidden_dropout
///     final norm input          [S, b, h] w
///     final norm statistics     [S, b, 2] F      [S, b, 1] F in family llama
///     output projection input   [S', b, h] w
///     logits                    [s b, V'/t] F
///
/// Tokens and labels are functions of their index and are not stored. `recompute` affects only the
/// layers. Errors as above.
std::vector<SavedTensor> saved_tensors_of_ends(const config::Case& c);

/// Bytes that one layer, and the ends, save on one rank: the sums of the tensors in the formula. A
/// run's saved bytes must equal this. Errors as above.
std::int64_t saved_bytes_per_layer(const config::Case& c);
std::int64_t saved_bytes_of_ends(const config::Case& c);

/// Bytes of the norm statistics that one layer, and the ends, save on one rank. The formula does
/// not include them.
std::int64_t norm_statistics_bytes_per_layer(const config::Case& c);
std::int64_t norm_statistics_bytes_of_ends(const config::Case& c);

/// A layer's bytes by the closed formulas of Korthikanti et al. (2022), Table 2. They are a second
/// opinion that shares no arithmetic with the list above. With w = 2, in units of sbh:
///
///                       all saved                selective         full
///     t = 1             34 + 5as/h               34                2
///     TP                10 + 24/t + 5as/(ht)     10 + 24/t         2
///     TP and SP         (34 + 5as/h) / t         34/t              2/t
///     keep_gathered     4 + 30/t + 5as/(ht)      4 + 30/t          2/t
///
/// For another w, terms of 2 bytes scale by w/2, and masks stay at 1 byte. Blocked attention has
/// the selective column, and F·abs/t for its log-sum-exp. This and the last line are not in the
/// paper. The last line is the third with whole inputs of qkv and fc1.
///
/// nullopt if the formula has terms that the case lacks: a dropout of 0 whose mask would count, or
/// an ffn_hidden_size other than 4h. Full recomputation has no such terms.
///
/// Family llama has no published formula. With w = 2 and without s² as above, it is
///
///     sbh (4 + 4 + (2 + 2 + 4g/a + 6 ffn/h) / t) + 2as²b/t
///
/// Under SP, norm inputs and linear inputs are also divided by t. For t > g, k and v are those of
/// one head each: 4sbd replaces 4sbh g/(at).
std::optional<std::int64_t> published_bytes_per_layer(const config::Case& c);

/// The ends' bytes by the same paper, section 4.3. With w = 2 and F = 4 they are
///
///     sbh (1 + 2 + 2) + 4sbV/t
///
/// Under SP the first term is also divided by t. With `keep_gathered` the output projection's 2
/// stays whole.
///
/// Family llama lacks the mask's 1. nullopt for a case without ends, with a padded vocabulary, or
/// of family gpt with hidden_dropout 0.
std::optional<std::int64_t> published_bytes_of_ends(const config::Case& c);

}  // namespace tidemark::theory
