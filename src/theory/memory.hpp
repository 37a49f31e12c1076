// Parameters, gradients and the highest tide of activations on paper.
#pragma once

#include <cstdint>

#include "config/case.hpp"

namespace tidemark::theory {

/// Parameters of one layer on one rank: qkv 3h·h/t + 3h/t, proj h·h/t + h, fc1 ffn·h/t + ffn/t,
/// fc2 h·ffn/t + h, and weight and bias of both norms, 4h.
///
/// This and all below throw RunError where the count exceeds 63 bits, or where the case is not
/// sharded evenly.
std::int64_t parameters_per_layer(const config::Case& c);

/// Bytes of all layers' parameters on one rank, and of their gradients (one each, same type).
std::int64_t parameter_bytes(const config::Case& c);
std::int64_t gradient_bytes(const config::Case& c);

/// An upper bound of the activation bytes that are live at once on one rank in a step: what all
/// layers save (with norm statistics), plus the transients of the worst moment of one layer, plus
/// the tensors at the ends of the stack. It is for refusing a case before anything is allocated.
///
/// See memory.cpp for the moments. It may exceed the true peak by a few tensors of one layer, so by
/// little in a deep stack; it is never below.
std::int64_t peak_upper_bound_bytes(const config::Case& c);

/// The transients of the worst moment alone: the part of the bound beyond what all layers save.
std::int64_t transient_upper_bound_bytes(const config::Case& c);

}  // namespace tidemark::theory
