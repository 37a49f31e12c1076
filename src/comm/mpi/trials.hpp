// SPDX-License-Identifier: BSD-3-Clause
// Times of trial calls, alone and beside work.
#pragma once

#include <chrono>
#include <functional>

#include "comm/account.hpp"
#include "comm/communicator.hpp"

namespace tidemark::comm {

/// Posts a call and returns its request.
using Post = std::function<Request()>;

/// Seconds until the call that `post` posts is complete, while this rank does nothing else.
double seconds_alone(Communicator& communicator, const Post& post);

/// Occupies this rank for so many seconds at least. It makes no calls of MPI, except that it polls
/// as between the tiles of a product.
void work_and_poll(Communicator& communicator, double seconds);

/// Seconds until such a call is complete, while this rank works and polls for `work` seconds.
double seconds_beside_work(Communicator& communicator, const Post& post, double work);

}  // namespace tidemark::comm
