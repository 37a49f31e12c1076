#include "report/overlap_lines.hpp"

#include <gtest/gtest.h>

namespace tidemark::report {
namespace {

TEST(TransportLine, SpeaksOfTheDetourAlone) {
  bench::CaseResult result;
  for (const char* direct : {"host", "device"}) {
    result.transport = direct;
    EXPECT_EQ(transport_line(result), "");
  }
  result.transport = "staged";
  EXPECT_EQ(transport_line(result),
            "  MPI does not say that it reaches the device's memory: every collective is copied "
            "through the host's\n");
}

}  // namespace
}  // namespace tidemark::report
