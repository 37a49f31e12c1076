// SPDX-License-Identifier: BSD-3-Clause
// The NCCL communicator on the doubles of CUDA and NCCL, with real ranks, for its tests.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "comm/mpi/mpi_communicator.hpp"
#include "comm/nccl/nccl_communicator.hpp"
#include "doubles/compute.hpp"

namespace tidemark::comm {

/// In a named namespace, because GoogleTest wants one class for all tests of a suite.
class Nccl : public ::testing::Test {
 protected:
  Nccl()
      : communicator_(make_nccl_communicator(
            std::make_unique<MpiCommunicator>(MPI_COMM_WORLD, std::chrono::seconds(60)),
            compute_.stream(), std::chrono::seconds(60))) {}

  [[nodiscard]] Communicator& comm() const { return *communicator_; }
  [[nodiscard]] int rank() const { return communicator_->rank(); }
  [[nodiscard]] int ranks() const { return communicator_->size(); }

  /// The value of rank `r` at `i`. Sums of these values are exact in any type.
  static int number(int r, std::size_t i) { return (r + 1) * (1 + static_cast<int>(i % 3)); }
  /// The sum of these values over all ranks.
  [[nodiscard]] int total(std::size_t i) const {
    return ranks() * (ranks() + 1) / 2 * number(0, i);
  }

  /// A slow kernel, so that an access that is too early finds wrong values.
  template <class T>
  void fill(const doubles::Buffer<T>& buffer, std::size_t first = 0) const {
    compute_.launch([&buffer, first, r = rank()] {
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
      for (std::size_t i = 0; i < buffer.size(); ++i) {
        buffer[i] = static_cast<T>(static_cast<float>(number(r, first + i)));
      }
    });
  }
  /// The values that the compute stream finds in the buffer when it gets there.
  template <class T>
  [[nodiscard]] std::vector<float> seen(const doubles::Buffer<T>& buffer) const {
    std::vector<float> values(buffer.size());
    compute_.launch([&] {
      for (std::size_t i = 0; i < buffer.size(); ++i) values[i] = static_cast<float>(buffer[i]);
    });
    comm().fence();
    return values;
  }
  void finish(Request request) const { comm().wait(request); }

  doubles::Compute compute_;
  std::unique_ptr<Communicator> communicator_;
};

}  // namespace tidemark::comm
