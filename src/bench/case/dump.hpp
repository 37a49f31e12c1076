// Tensors of a case written as NumPy files, for comparison by independent programs.
#pragma once

#include <filesystem>
#include <string>

#include "model/stack.hpp"

namespace tidemark::bench {

/// Runs one more step and writes this rank's tensors into `folder`, which must exist:
/// what the stack shows of a step (input, output, output_grad, input_grad, or with ends embedding
/// and embedding_grad) [S, b, h], loss [1] with ends, and every parameter NAME with NAME.grad, each
/// as `NAME.npy`; bf16 is written as the fp32 of the same value. Collective. Throws RunError naming
/// the file that could not be written.
template <class T>
void dump_case(model::Stack<T>& stack, std::int64_t micro_batch_size,
               const std::filesystem::path& folder);

}  // namespace tidemark::bench
