// What MPI calls the types of elements.
#pragma once

#include "base/dtype.hpp"
#include "comm/mpi/mpi_communicator.hpp"

namespace tidemark::comm {

inline MPI_Datatype datatype_of(DType dtype) {
  switch (dtype) {
    case DType::fp64:
      return MPI_DOUBLE;
    case DType::fp32:
      return MPI_FLOAT;
    case DType::bf16:
      return MPI_UINT16_T;  // MPI has no such type; what it sums with is ours
  }
  return MPI_DATATYPE_NULL;
}

}  // namespace tidemark::comm
