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

/// Work beside which calls are measured.
class Work {
 public:
  /// `polls`: the work polls as between the tiles of a product. Otherwise it makes no call of MPI.
  /// `communicator` must outlive it.
  Work(Communicator& communicator, bool polls) : communicator_(communicator), polls_(polls) {}

  /// Occupies this rank for so many seconds at least.
  void run(double seconds) const;
  /// Seconds until the call that `post` posts is complete, beside so many seconds of work. 0: the
  /// rank does nothing else.
  [[nodiscard]] double seconds_beside(const Post& post, double seconds) const;

 private:
  Communicator& communicator_;
  bool polls_;
};

}  // namespace tidemark::comm
