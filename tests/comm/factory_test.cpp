// SPDX-License-Identifier: BSD-3-Clause
#include "comm/factory.hpp"

#include <string>

#include <gtest/gtest.h>

#include "base/error.hpp"

namespace tidemark::comm {
namespace {

/// The error line for `options`; empty if they are accepted.
std::string refusal(const CommunicatorOptions& options) {
  try {
    (void)make_communicator(options);
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

TEST(CommunicatorFactory, OneRankTakesSelfUnlessMpiIsAskedFor) {
  EXPECT_EQ(make_communicator({.backend = Backend::automatic, .ranks = 1})->name(), "self");
  EXPECT_EQ(make_communicator({.backend = Backend::self, .ranks = 1})->name(), "self");
  const auto mpi = make_communicator({.backend = Backend::mpi, .ranks = 1});
  EXPECT_EQ(mpi->name(), "mpi");
  EXPECT_EQ(mpi->size(), 1);
  EXPECT_EQ(make_self_communicator()->size(), 1);
}

TEST(CommunicatorFactory, RefusesWithOneLine) {
  EXPECT_EQ(refusal({.backend = Backend::self, .ranks = 2}),
            "comm.backend: self is for one rank, not for 2");
  EXPECT_EQ(refusal({.backend = Backend::automatic, .ranks = 4}),
            "parallel.tensor: 4 needs 4 ranks, but this job has 1");
}

TEST(CommunicatorFactory, RegistersBuffersWithNcclAlone) {
  const auto line = [](Backend backend) {
    return refusal({.backend = backend, .ranks = 1, .register_buffers = true});
  };
  EXPECT_EQ(line(Backend::automatic), "");  // one rank does not use it
  EXPECT_EQ(line(Backend::mpi),
            "comm.register_buffers cannot be used: comm.backend: mpi takes MPI here");
  EXPECT_EQ(line(Backend::nccl).substr(0, 33), "comm.backend: nccl cannot be used");
  EXPECT_FALSE(make_communicator({.backend = Backend::automatic, .ranks = 1})->buffer_memory());
}

}  // namespace
}  // namespace tidemark::comm
