// Activation bytes by formula: what a layer, and what the two ends of the stack, save between the
// forward and the backward pass.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/case.hpp"

namespace tidemark::theory {

/// One tensor that is saved on one rank.
struct SavedTensor {
  std::string name;        ///< as the stack names it, e.g. "qkv input"
  std::int64_t bytes = 0;  ///< a rank, more than 0
  bool in_formula = true;  ///< false for norm statistics, which the formula leaves out
};

/// The tensors that one layer of `c` saves on one rank, in the order of the forward pass, each with
/// its bytes; those that the case does not store are not listed.
///
/// Shapes, with w bytes an element, F = `accumulation_bytes`, S = s/t under sequence parallelism
/// and s otherwise, S' = s where `keep_gathered` holds and S otherwise:
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
/// Only materialized attention without recomputation holds the three tensors of s² elements, and
/// only blocked attention the log-sum-exp, which belongs to the formula. With `recompute: full` the
/// norm1 input is all that is saved, statistics included.
///
/// A dropout of probability 0 is the identity: neither its mask nor a second copy of its output is
/// stored, so a case with attention_dropout 0 lacks "attention dropout mask" and "attention dropout
/// output", and one with hidden_dropout 0 both hidden masks. The causal mask saves nothing: the
/// softmax output is stored whole. Norm statistics are mean and reciprocal deviation of each row.
///
/// The set of tensors is that of Korthikanti et al., "Reducing Activation Recomputation in Large
/// Transformer Models" (2022), section 4.
///
/// Family llama has no dropout, and of the above it has other
///
///     norm1, norm2 statistics   [S, b, 1] F           the reciprocal root of the mean square
///     qkv                       [s, b, (a/t + 2 max(g/t, 1)) d] w, q and k as rotated
///     fc1 output                [s, b, 2 ffn/t] w     in place of the gelu input
///
/// Throws RunError where the bytes exceed 63 bits, or where
/// the case is not sharded evenly.
std::vector<SavedTensor> saved_tensors_per_layer(const config::Case& c);

/// The tensors that the two ends of the stack save on one rank, once a stack; empty for a case
/// without ends. V' is the vocabulary padded to a multiple of t:
///
///     embedding dropout mask    [S, b, h] 1      only with hidden_dropout
///     final norm input          [S, b, h] w
///     final norm statistics     [S, b, 2] F      [S, b, 1] F in family llama
///     output projection input   [S', b, h] w
///     logits                    [s b, V'/t] F
///
/// Tokens and labels are functions of their index and are not stored. `recompute` concerns the
/// layers alone. Errors as above.
std::vector<SavedTensor> saved_tensors_of_ends(const config::Case& c);

/// Bytes saved on one rank by one layer, and by the ends: the sums of the tensors that the formula
/// counts. This is what a run's saved bytes must equal. Errors as above.
std::int64_t saved_bytes_per_layer(const config::Case& c);
std::int64_t saved_bytes_of_ends(const config::Case& c);

/// Bytes of the norm statistics saved on one rank by one layer, and by the ends, apart from the
/// formula.
std::int64_t norm_statistics_bytes_per_layer(const config::Case& c);
std::int64_t norm_statistics_bytes_of_ends(const config::Case& c);

/// A layer's bytes by the closed formulas of Korthikanti et al. (2022), Table 2, as a second
/// opinion that shares no arithmetic with the list above. With w = 2, in units of sbh:
///
///                       all saved                selective         full
///     t = 1             34 + 5as/h               34                2
///     TP                10 + 24/t + 5as/(ht)     10 + 24/t         2
///     TP and SP         (34 + 5as/h) / t         34/t              2/t
///     keep_gathered     4 + 30/t + 5as/(ht)      4 + 30/t          2/t
///
/// and for another w, terms of 2 bytes scale by w/2 while masks stay 1 byte. Blocked attention has
/// the selective column and F·abs/t for its log-sum-exp. Neither this nor the last line is in the
/// paper: that is the third with the inputs of qkv and fc1 left whole.
///
/// nullopt where the formula has terms that the case lacks: a dropout of 0 whose mask would count,
/// or an ffn_hidden_size other than 4h. Full recomputation has no such terms.
///
/// Family llama, for which nobody has published it, with w = 2 and without s² as above:
///
///     sbh (4 + 4 + (2 + 2 + 4g/a + 6 ffn/h) / t) + 2as²b/t
///
/// norm inputs and linear inputs divided by t under SP, too; for t > g k and v are those of one
/// head each, 4sbd in place of 4sbh g/(at).
std::optional<std::int64_t> published_bytes_per_layer(const config::Case& c);

/// The ends' bytes by the same paper, section 4.3: with w = 2 and F = 4, sbh (1 + 2 + 2) + 4sbV/t,
/// the first divided by t, too, under SP (the output projection's 2 whole with `keep_gathered`).
///
/// Family llama lacks the mask's 1. nullopt for a case without ends, with a padded vocabulary, or
/// of family gpt with hidden_dropout 0.
std::optional<std::int64_t> published_bytes_of_ends(const config::Case& c);

}  // namespace tidemark::theory
