// SPDX-License-Identifier: BSD-3-Clause
// The memory that the double of NCCL hands out, and with which communicators it is registered.
#pragma once

#include <cstddef>

struct ncclComm;

namespace tidemark::doubles {

/// How far from the beginning of memory that is registered with `comm` these bytes lie; -1 where
/// they are not all registered, in one piece.
std::ptrdiff_t registered_offset(const ncclComm* comm, const void* address, std::size_t bytes);

/// Whether anything is registered with `comm`.
bool has_registered(const ncclComm* comm);

/// Ends with `comm`, as far as its registrations go.
void forget_registered(const ncclComm* comm);

}  // namespace tidemark::doubles
