// SPDX-License-Identifier: BSD-3-Clause
// What the record says about the placement of ranks.
#include <gtest/gtest.h>

#include "job/placement.hpp"
#include "job/places.hpp"
#include "report/record.hpp"
#include "report/results.hpp"

namespace tidemark::report {
namespace {

using Json = nlohmann::ordered_json;

TEST(RecordOfPlacement, HoldsItsLinesAndEachRanksPlace) {
  bench::CaseResult result = support::complete_result();
  job::Place place =
      job::testing::place_on("a", job::testing::cpus_of_machine(4, 2, 2), "0-1,4-5", {"0,4", "3"});
  place.cpu_limit = job::CpuLimit{1.5, "/sys/fs/cgroup/pod", 7};
  place.device_numa_node = 1;
  result.placement = {{place}, {"p", "q"}, {"r"}};
  const Json json = run_record(result, Json::object());
  EXPECT_EQ(json.at("placement"), Json::parse(R"({"problems": ["p", "q"], "problem_count": 2,
                                                  "remarks": ["r"]})"));
  const Json& rank = json.at("ranks_detail").at(0);
  EXPECT_EQ(rank.at("physical_cores"), 2);
  EXPECT_EQ(rank.at("thread_cores"), Json::parse(R"(["0,4", "3"])"));
  EXPECT_EQ(rank.at("numa_nodes"), Json::parse("[0, 1]"));
  EXPECT_EQ(rank.at("core_limit"), 1.5);
  EXPECT_EQ(rank.at("device_numa_node"), 1);
}

TEST(RecordOfPlacement, HasEmptyListsWhereNothingIsWrong) {
  bench::CaseResult result = support::complete_result();
  result.placement.places = {job::Place{}};
  const Json json = run_record(result, Json::object());
  EXPECT_EQ(json.at("placement"),
            Json::parse(R"({"problems": [], "problem_count": 0, "remarks": []})"));
  EXPECT_EQ(json.at("ranks_detail").at(0).at("core_limit"), nullptr);
  EXPECT_EQ(json.at("ranks_detail").at(0).at("device_numa_node"), nullptr);
}

TEST(RecordOfPlacement, IsNullWhereNobodyLooked) {
  EXPECT_EQ(run_record(support::complete_result(), Json::object()).at("placement"), nullptr);
}

}  // namespace
}  // namespace tidemark::report
