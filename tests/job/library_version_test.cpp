// SPDX-License-Identifier: BSD-3-Clause
#include "job/library_version.hpp"

#include <gtest/gtest.h>

namespace tidemark::job {
namespace {

TEST(LibraryVersion, IsOneLineWithSingleSpaces) {
  EXPECT_EQ(first_line_of("MPICH Version:\t4.0.2\nMPICH Device:\tch4:ucx\n"),
            "MPICH Version: 4.0.2");
  EXPECT_EQ(first_line_of("MPICH Version:      4.3.0\r\n"), "MPICH Version: 4.3.0");
  EXPECT_EQ(first_line_of("\n \t Intel(R)  MPI Library \n"), "Intel(R) MPI Library");
  EXPECT_EQ(first_line_of(std::string("Open MPI v4.1.4, ident: 4.1.4\0", 30)),
            "Open MPI v4.1.4, ident: 4.1.4");
  EXPECT_EQ(first_line_of(""), "");
  EXPECT_EQ(first_line_of("\n\n"), "");
}

TEST(LibraryVersion, HasValuesByKey) {
  const std::string text = "MPICH Version:\t4.0.2\nMPICH Device:\t ch4:ofi \nMPICH CC:\n";
  EXPECT_EQ(value_in(text, "MPICH Device"), "ch4:ofi");
  EXPECT_EQ(value_in(text, "MPICH CC"), "");
  EXPECT_EQ(value_in(text, "MPICH F77"), std::nullopt);
  EXPECT_EQ(value_in(text, "MPICH"), std::nullopt);
}

}  // namespace
}  // namespace tidemark::job
