// SPDX-License-Identifier: BSD-3-Clause
// The element types of activations, for explicit instantiations of templates.
#pragma once

#include "base/bfloat16.hpp"

/// Expands `macro(T)` for each element type.
#define TIDEMARK_FOR_EACH_SCALAR(macro) macro(bfloat16) macro(float) macro(double)

/// Instantiates a class template of one element type for each of them.
#define TIDEMARK_INSTANTIATE_CLASS(name) \
  template class name<bfloat16>;         \
  template class name<float>;            \
  template class name<double>;
