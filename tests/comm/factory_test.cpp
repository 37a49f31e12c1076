#include "comm/factory.hpp"

#include <gtest/gtest.h>

#include <string>

#include "base/error.hpp"

namespace tidemark::comm {
namespace {

/// The line of the error that `options` meet; empty where they are accepted.
std::string refusal(const CommunicatorOptions& options) {
  try {
    (void)make_communicator(options);
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

TEST(CommunicatorFactory, OneRankTakesSelfUnlessMpiIsAskedFor) {
  EXPECT_EQ(make_communicator({.backend = "auto", .ranks = 1})->name(), "self");
  EXPECT_EQ(make_communicator({.backend = "self", .ranks = 1})->name(), "self");
  const auto mpi = make_communicator({.backend = "mpi", .ranks = 1});
  EXPECT_EQ(mpi->name(), "mpi");
  EXPECT_EQ(mpi->size(), 1);
  EXPECT_EQ(make_self_communicator()->size(), 1);
}

TEST(CommunicatorFactory, RefusesWithOneLine) {
  EXPECT_EQ(refusal({.backend = "gloo", .ranks = 1}),
            "comm.backend: 'gloo' is unknown; expected auto, mpi, nccl or self");
  EXPECT_EQ(refusal({.backend = "self", .ranks = 2}),
            "comm.backend: self is for one rank, not for 2");
  EXPECT_EQ(refusal({.backend = "auto", .ranks = 4}),
            "parallel.tensor: 4 needs 4 ranks, but this job has 1");
}

TEST(CommunicatorFactory, RegistersBuffersWithNcclAlone) {
  const auto line = [](const char* backend) {
    return refusal({.backend = backend, .ranks = 1, .register_buffers = true});
  };
  EXPECT_EQ(line("auto"), "");  // one rank has no use for it
  EXPECT_EQ(line("mpi"),
            "comm.register_buffers cannot be used: comm.backend: mpi takes MPI here");
  EXPECT_EQ(line("nccl").substr(0, 33), "comm.backend: nccl cannot be used");
  EXPECT_FALSE(make_communicator({.backend = "auto", .ranks = 1})->buffer_memory());
}

}  // namespace
}  // namespace tidemark::comm
