// SPDX-License-Identifier: BSD-3-Clause
// Floating-point operations of a step's matrix products, by formula.
#pragma once

#include "config/case.hpp"

namespace tidemark::theory {

/// Operations of one step that the model needs, on all ranks together. The step is forward and
/// backward, all layers and the ends, of one micro-batch. A multiply and an add count as two:
///
///     gpt      3 L ( 2sbh (3h + h + 2 ffn) + 4bs²h ) + 6sbhV
///     llama    3 L ( 2sbh ((a + 2g) d + h + 3 ffn) + 4bs²h ) + 6sbhV
///
/// Forward has one product each for qkv, proj, fc1, fc2, scores and core output, and with ends for
/// the logits. Backward has two for each of these: one for the gradient of the input, and one for
/// that of the weight (in attention, of the other operand). This is the published count: Narayanan
/// et al., "Efficient Large-Scale Language Model Training on GPU Clusters Using Megatron-LM"
/// (2021).
///
/// Recomputed operations and padding of the vocabulary are not counted. Operations that the causal
/// mask hides are counted. Norms, softmax, GELU, SiLU, rotations and dropout are not counted.
///
/// The result is a double, because a large step exceeds 63 bits. It is exact up to 2^53, and
/// rounded once above that.
double model_flops_per_step(const config::Case& c);

/// The same, but of the scores only those that the causal mask leaves are counted: half of 4bs²h.
/// Equal to the above for a case without the mask. Some publications count so, others not.
double causal_flops_per_step(const config::Case& c);

/// Operations of the matrix products that one rank launches in such a step, counted exactly. They
/// are the model's divided by t, with these differences:
///
/// * `recompute: selective` computes the scores once more: 2bPh/t per layer, with P visible pairs.
/// It does not repeat
///   the core output, which is saved as proj's input.
/// * `recompute: full` runs a layer's forward pass once more.
/// * Attention skips the blocks of scores that the mask hides completely (see
///   attention_blocks.hpp).
/// * `attention: blocked` computes the scores once more in backward: five products per block, and
///   not four.
/// * Padding of the vocabulary is multiplied, too: the logits have V' columns, not V.
/// * For t > g, every rank forms k and v of a head: 2d columns of qkv, not 2gd/t.
///
/// Throws RunError if the case is not sharded evenly. Rounded as above.
double launched_flops_per_step(const config::Case& c);

}  // namespace tidemark::theory
