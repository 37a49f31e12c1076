// SPDX-License-Identifier: BSD-3-Clause
// The rate that no product of a rank can exceed.
#pragma once

#include <optional>

#include "comm/communicator.hpp"
#include "config/case.hpp"

namespace tidemark::bench {

/// The ceiling of one rank in GFLOP/s. On a host it is measured: the best rate so far of
/// multiply-adds in registers, on all threads, while all ranks do the same. On a device it is the
/// vendor's dense peak.
class Ceiling {
 public:
  Ceiling(const config::Case& c, comm::Communicator& communicator);

  /// Measures on a host, for about 20 ms. Collective. Does nothing where there is nothing to
  /// measure.
  void measure();
  /// The mean over the ranks; nullopt where it is not known. Collective.
  [[nodiscard]] std::optional<double> mean_gflops() const;

 private:
  DType dtype_;
  comm::Communicator& communicator_;
  std::optional<double> gflops_;  ///< of this rank
};

}  // namespace tidemark::bench
