// SPDX-License-Identifier: BSD-3-Clause
// For builds without oneDNN.
#include "base/error.hpp"
#include "kernels/onednn_products.hpp"

namespace tidemark::kernels::onednn {

bool is_built() { return false; }
bool has_native_bf16() { return false; }
bool takes(DType) { return false; }
void multiply(const LibraryProduct&, const void*) { throw RunError("this build has no oneDNN"); }
std::int64_t scratch_bytes() { return 0; }
std::string description() { return ""; }

}  // namespace tidemark::kernels::onednn
