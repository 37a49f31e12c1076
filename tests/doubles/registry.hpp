// SPDX-License-Identifier: BSD-3-Clause
// The memory that the double of NCCL hands out, and with which communicators it is registered.
#pragma once

#include <cstddef>

struct ncclComm;

namespace tidemark::doubles {

/// The offset of these bytes in the memory that is registered with `comm`. -1 unless all of them
/// are registered, in one piece.
std::ptrdiff_t registered_offset(const ncclComm* comm, const void* address, std::size_t bytes);

/// Whether anything is registered with `comm`.
bool has_registered(const ncclComm* comm);

/// Removes all registrations with `comm`.
void forget_registered(const ncclComm* comm);

}  // namespace tidemark::doubles
