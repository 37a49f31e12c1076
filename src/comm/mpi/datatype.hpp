// SPDX-License-Identifier: BSD-3-Clause
// MPI's types for the types of elements.
#pragma once

#include "base/dtype.hpp"
#include "job/mpi_header.hpp"

namespace tidemark::comm {

inline MPI_Datatype datatype_of(DType dtype) {
  switch (dtype) {
    case DType::fp64:
      return MPI_DOUBLE;
    case DType::fp32:
      return MPI_FLOAT;
    case DType::bf16:
      return MPI_UINT16_T;  // MPI has no bf16; our own MPI_Op forms its sums
  }
  return MPI_DATATYPE_NULL;
}

}  // namespace tidemark::comm
