// SPDX-License-Identifier: BSD-3-Clause
#include "report/overlap_lines.hpp"

#include <gtest/gtest.h>

#include "report/results.hpp"

namespace tidemark::report {
namespace {

TEST(OverlapLines, SayWhatWentAwayAndWhatIsLeft) {
  EXPECT_EQ(overlap_lines(support::result_with_overlap()),
            "  overlap ring: step 110.00, serial 150.00, compute 100.00, serial compute 90.00, "
            "comm 50.00 ms\n"
            "    E 0.67 [0.67, 0.67] of the cost of communication went away, at most 1.00 "
            "possible\n"
            "    cost 60.00 ms serially; exposed 10.00 (schedule 0.80), splitting kernels 10.00; "
            "by the timeline exposed 12.00 (polling 1.50), kernels beside communication 45.00 "
            "ms\n");
}

TEST(OverlapLines, GiveNoEfficiencyThatIsNotResolved) {
  bench::CaseResult result = support::result_with_overlap();
  for (auto* series : {&result.overlap->samples.step, &result.overlap->samples.serial,
                       &result.overlap->samples.compute_serial, &result.overlap->samples.compute,
                       &result.overlap->samples.comm}) {
    series->resize(5);
  }
  result.overlap->figures = bench::overlap_of(result.overlap->samples);
  const std::string lines = overlap_lines(result);
  EXPECT_NE(lines.find("E not resolved: 90 % interval [0.67, 0.67] after 5 tuples"),
            std::string::npos)
      << lines;
  EXPECT_EQ(lines.find("schedule"), std::string::npos) << lines;
}

TEST(DriftLine, SpeaksOfDriftBeyondNoiseAlone) {
  bench::CaseResult result = support::complete_result();
  EXPECT_EQ(drift_line(result), "");
  result.drift = bench::Drift{0.03, false};
  EXPECT_EQ(drift_line(result), "");
  result.drift = bench::Drift{0.0312, true};
  EXPECT_EQ(drift_line(result),
            "  drifting: the last third of the steps took 3.1 % longer than the first, beyond "
            "noise: no steady state\n");
  result.drift = bench::Drift{-0.02, true};
  EXPECT_NE(drift_line(result).find("2.0 % less than the first"), std::string::npos);
}

TEST(NetworkLine, AddsUpWhatCrossesNodesIfAllCallsTell) {
  using comm::Operation;
  using comm::Purpose;
  bench::CaseResult result;
  constexpr double mebibyte = 1 << 20;
  bench::CallLine call;
  call.operation = Operation::all_gather;
  call.purpose = Purpose::activation;
  call.sent = bench::CallLine::Sent{3 * mebibyte, 0.0};
  result.calls.push_back(call);
  EXPECT_EQ(network_line(result), "");
  call.sent = bench::CallLine::Sent{1 * mebibyte, 2 * mebibyte};
  result.calls.push_back(call);
  EXPECT_EQ(network_line(result), "  between nodes 2.00 of 6.00 MiB/rank\n");
  call.sent.reset();
  result.calls.push_back(call);
  EXPECT_EQ(network_line(result), "");
}

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
