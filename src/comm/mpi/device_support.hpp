// SPDX-License-Identifier: BSD-3-Clause
// Which device memory the MPI library can access.
#pragma once

#include "comm/device_buffers.hpp"

namespace tidemark::comm {

/// Whether the running MPI library says that it can send from and receive into such device memory
/// itself. False if the library does not tell. MPI must be running.
bool mpi_reaches(DeviceKind kind);

}  // namespace tidemark::comm
