// Floating-point operations of a step's matrix products on paper.
#pragma once

#include "config/case.hpp"

namespace tidemark::theory {

/// Operations of the matrix products of one layer's forward pass, all ranks together, a multiply
/// and an add counting as two: 2sbh(3h + h + 2 ffn) for qkv, proj, fc1 and fc2, plus 4bs²h for the
/// scores and the context.
///
/// A causal case counts the full s², as Narayanan et al., "Efficient Large-Scale Language Model
/// Training on GPU Clusters Using Megatron-LM" (2021), do: materialized attention computes the
/// masked scores, too. Norms, softmax, GELU and dropout are not counted.
///
/// Doubles, since a large step exceeds 63 bits: exact up to 2^53, rounded once beyond.
double forward_flops_per_layer(const config::Case& c);

/// The same of the backward pass: twice the forward, one product for the gradient of the input and
/// one for that of the weight (of the other operand, in the attention).
double backward_flops_per_layer(const config::Case& c);

/// Operations of one step (forward and backward, all layers, one micro-batch), all ranks together.
double model_flops_per_step(const config::Case& c);

/// The same on one rank: the products divide evenly, so the model's over t.
double rank_flops_per_step(const config::Case& c);

}  // namespace tidemark::theory
