// Floating-point operations of a step's matrix products, by formula.
#pragma once

#include "config/case.hpp"

namespace tidemark::theory {

/// Operations of one step that the model calls for (forward and backward, all layers and the ends,
/// one micro-batch), all ranks together, a multiply and an add counting as two:
///
///     gpt      3 L ( 2sbh (3h + h + 2 ffn) + 4bs²h ) + 6sbhV
///     llama    3 L ( 2sbh ((a + 2g) d + h + 3 ffn) + 4bs²h ) + 6sbhV
///
/// forward once for qkv, proj, fc1, fc2, scores and context, and for the logits where the stack has
/// ends; backward twice, one product for the gradient of the input and one for that of the weight
/// (of the other operand, in the attention). This is the published count: Narayanan et al.,
/// "Efficient Large-Scale Language Model Training on GPU Clusters Using Megatron-LM" (2021). What
/// is computed a second time is not counted; what the causal mask hides is, and padding of the
/// vocabulary is not. Norms, softmax, GELU, SiLU, rotations and dropout are not counted.
///
/// A double, since a large step exceeds 63 bits: exact up to 2^53, rounded once beyond.
double model_flops_per_step(const config::Case& c);

/// Operations of the matrix products that one rank launches in such a step, to the last one: the
/// model's over t, except that
///
///     recompute: selective   runs the scores once more, 2bs²h/t a layer; the core output, being
///     the
///                            saved input of proj, is not needed again
///     recompute: full        runs a layer's forward pass once more
///     attention: blocked     leaves out the blocks that the mask hides altogether (see
///                            attention_blocks.hpp), two products of each other one forward, and
///                            five backward: scores again, and the gradients of v, of the
///                            probabilities, of q and of k
///     padding                is multiplied, too: V', not V, columns of logits
///     t > g                  every rank forms k and v of a head: 2d columns of qkv, not 2gd/t
///
/// Throws RunError where the case is not sharded evenly. Rounded as above.
double launched_flops_per_step(const config::Case& c);

}  // namespace tidemark::theory
