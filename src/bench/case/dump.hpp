// SPDX-License-Identifier: BSD-3-Clause
// Writes tensors of a case as NumPy files, so that independent programs can compare them.
#pragma once

#include <filesystem>
#include <string>

#include "model/stack.hpp"

namespace tidemark::bench {

/// Runs one more step and writes this rank's tensors as `NAME.npy` into `folder`, which must exist:
///
/// * input, output, output_grad, input_grad, or with ends embedding and embedding_grad: [S, b, h].
/// * loss: [1], with ends.
/// * every parameter NAME, and its gradient NAME.grad.
///
/// bf16 is written as the fp32 of the same value. Collective. Throws RunError that names the file
/// that could not be written.
template <class T>
void dump_case(model::Stack<T>& stack, std::int64_t micro_batch_size,
               const std::filesystem::path& folder);

}  // namespace tidemark::bench
