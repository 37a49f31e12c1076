// What the MPI library says of devices.
#pragma once

#include "comm/device_buffers.hpp"

namespace tidemark::comm {

/// Whether the library says, now that it runs, that it sends from and receives into the memory of
/// such devices by itself. False where it says nothing. MPI must be running.
bool mpi_reaches(DeviceKind kind);

}  // namespace tidemark::comm
