// SPDX-License-Identifier: BSD-3-Clause
// The trace is JSON that a viewer can open at any time, and its curve is that of the ledger.
#include "report/trace.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "report/record.hpp"
#include "report/results.hpp"

namespace tidemark::report {
namespace {

using Json = nlohmann::ordered_json;

/// In the order saved, recomputed, transient, workspace. Times are in seconds, exact in binary.
constexpr double millisecond = 1.0 / 1024.0;
constexpr double millisecond_us = 1e6 / 1024.0;

/// A step of 16 "milliseconds": the input at 1, forward from 2 to 6, the gradient until 8, and
/// backward from 8 to 16.
bench::StepTrace some_trace() {
  bench::StepTrace trace;
  trace.forward_seconds = 4 * millisecond;
  trace.backward_seconds = 8 * millisecond;
  trace.tide.changes = {{1 * millisecond, {100, 0, 0, 0}},  {3 * millisecond, {100, 0, 30, 0}},
                        {4 * millisecond, {100, 0, 30, 5}}, {5 * millisecond, {100, 0, 30, 0}},
                        {6 * millisecond, {100, 0, 0, 0}},  {7 * millisecond, {100, 0, 20, 0}},
                        {9 * millisecond, {100, 7, 20, 0}}, {12 * millisecond, {0, 7, 20, 0}},
                        {15 * millisecond, {0, 0, 20, 0}},  {16 * millisecond, {0, 0, 0, 0}}};
  trace.tide.turn = 4;
  trace.tide.turn_seconds = 6 * millisecond;
  return trace;
}

bench::CaseResult traced_result(int ranks) {
  bench::CaseResult result = support::complete_result();
  result.traces.assign(static_cast<std::size_t>(ranks), some_trace());
  return result;
}

std::string text_of(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

class Trace : public ::testing::Test {
 protected:
  Trace() { std::filesystem::remove(path_); }
  ~Trace() override { std::filesystem::remove(path_); }

  /// The events of a trace file for the cases `results`.
  std::vector<Json> events_of(const std::vector<bench::CaseResult>& results) {
    {
      TraceFile file(path_);
      for (const bench::CaseResult& result : results) file.append(result);
    }
    return Json::parse(text_of(path_)).get<std::vector<Json>>();
  }
  static std::vector<Json> of_kind(const std::vector<Json>& events, const std::string& phase) {
    std::vector<Json> found;
    std::copy_if(events.begin(), events.end(), std::back_inserter(found),
                 [&](const Json& event) { return event.at("ph") == phase; });
    return found;
  }

  const std::filesystem::path path_ =
      std::filesystem::path(::testing::TempDir()) / "tidemark_trace_test.json";
};

TEST_F(Trace, NamesTheRanksOnce) {
  const auto names = of_kind(events_of({traced_result(2), traced_result(2)}), "M");
  ASSERT_EQ(names.size(), 2U);
  for (int rank = 0; rank < 2; ++rank) {
    const Json& event = names[static_cast<std::size_t>(rank)];
    EXPECT_EQ(event.at("name"), "process_name");
    EXPECT_EQ(event.at("pid"), rank);
    EXPECT_EQ(event.at("args").at("name"), "rank " + std::to_string(rank));
  }
}

TEST_F(Trace, CountersFollowTheLedger) {
  const bench::StepTrace trace = some_trace();
  const auto counters = of_kind(events_of({traced_result(2)}), "C");
  ASSERT_EQ(counters.size(), 2 * trace.tide.changes.size());
  for (std::size_t i = 0; i < counters.size(); ++i) {
    const memory::LiveBytes& live = trace.tide.changes[i % trace.tide.changes.size()];
    const Json& event = counters[i];
    EXPECT_EQ(event.at("pid"), i / trace.tide.changes.size());
    EXPECT_EQ(event.at("name"), "live activations");
    EXPECT_EQ(event.at("ts"), live.seconds * 1e6);
    EXPECT_EQ(event.at("args"), Json({{"saved", live.bytes[0]},
                                      {"recomputed", live.bytes[1]},
                                      {"transient", live.bytes[2]},
                                      {"workspace", live.bytes[3]}}));
  }
}

struct Slice {
  std::string name;
  double start, end;
};

std::vector<Slice> slices_of(const std::vector<Json>& events, int rank) {
  std::vector<Slice> slices;
  for (const Json& event : events) {
    if (event.at("ph") != "X" || event.at("pid") != rank) continue;
    EXPECT_EQ(event.at("tid"), "step");
    const double start = event.at("ts");
    slices.push_back({event.at("name"), start, start + event.at("dur").get<double>()});
  }
  return slices;
}

// Forward ends at the turn. The gradient is made between the turn and backward, and belongs to
// neither.
TEST_F(Trace, SlicesStandWhereTheDirectionsRan) {
  const auto events = events_of({traced_result(2)});
  for (int rank = 0; rank < 2; ++rank) {
    const auto slices = slices_of(events, rank);
    ASSERT_EQ(slices.size(), 3U);
    EXPECT_EQ(slices[0].name, "case 1: TP+SP");
    EXPECT_EQ(slices[0].start, 0.0);
    EXPECT_EQ(slices[0].end, 16 * millisecond_us);
    EXPECT_EQ(slices[1].name, "forward");
    EXPECT_EQ(slices[1].start, 2 * millisecond_us);
    EXPECT_EQ(slices[1].end, 6 * millisecond_us);
    EXPECT_EQ(slices[2].name, "backward");
    EXPECT_EQ(slices[2].start, 8 * millisecond_us);
    EXPECT_EQ(slices[2].end, 16 * millisecond_us);
  }
}

// Clocks are read one after another. Slices must not cross, even if the figures do not quite fit.
TEST_F(Trace, SlicesNestWhateverTheClocksSay) {
  for (const double scale : {0.0, 0.5, 1.5, 100.0}) {
    bench::CaseResult result = traced_result(1);
    result.traces[0].forward_seconds *= scale;
    result.traces[0].backward_seconds *= scale;
    const auto slices = slices_of(events_of({result}), 0);
    ASSERT_EQ(slices.size(), 3U);
    EXPECT_LE(slices[0].start, slices[1].start) << scale;
    EXPECT_LE(slices[1].start, slices[1].end) << scale;
    EXPECT_LE(slices[1].end, slices[2].start) << scale;
    EXPECT_LE(slices[2].start, slices[2].end) << scale;
    EXPECT_LE(slices[2].end, slices[0].end) << scale;
  }
}

TEST_F(Trace, CasesFollowOneAnother) {
  bench::CaseResult second = traced_result(2);
  second.settings.index = 1;
  second.settings.parallel.sequence = false;
  const auto events = events_of({traced_result(2), second, second});
  for (int rank = 0; rank < 2; ++rank) {
    const auto slices = slices_of(events, rank);
    ASSERT_EQ(slices.size(), 9U);
    EXPECT_EQ(slices[3].name, "case 2: TP");
    for (const std::size_t i : {std::size_t{3}, std::size_t{6}}) {
      EXPECT_GT(slices[i].start, slices[i - 3].end);
      EXPECT_DOUBLE_EQ(slices[i].end - slices[i].start, 16 * millisecond_us);
      EXPECT_DOUBLE_EQ(slices[i + 1].start - slices[i].start, 2 * millisecond_us);
    }
  }
  const auto counters = of_kind(events, "C");
  const auto of_case = counters.size() / 3;
  EXPECT_DOUBLE_EQ(counters[of_case].at("ts").get<double>() - slices_of(events, 0)[3].start,
                   1 * millisecond_us);
}

// The trace of a killed run lacks only the closing bracket.
TEST_F(Trace, IsReadableBeforeItIsFinished) {
  TraceFile file(path_);
  EXPECT_EQ(Json::parse(text_of(path_) + "]"), Json::array());
  std::size_t before = 0;
  for (int cases = 1; cases <= 2; ++cases) {
    file.append(traced_result(2));
    const std::string text = text_of(path_);
    EXPECT_FALSE(Json::accept(text));
    const Json events = Json::parse(text + "]");
    EXPECT_GT(events.size(), before);
    before = events.size();
  }
}

TEST_F(Trace, IsValidWithoutACase) { EXPECT_TRUE(events_of({}).empty()); }

TEST_F(Trace, ReplacesAnEarlierOne) {
  std::ofstream(path_) << "something else, and longer than an empty trace";
  EXPECT_TRUE(events_of({}).empty());
}

TEST_F(Trace, RefusesAPathThatCannotBeWritten) {
  try {
    const TraceFile file("/dev/null/trace.json");
    FAIL() << "opened a file below a file";
  } catch (const InputError& error) {
    EXPECT_EQ(std::string(error.what()),
              "/dev/null/trace.json: cannot be opened for writing: Not a directory");
  }
}

TEST_F(Trace, ReportsAFullDisk) {
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "no device that is always full";
  TraceFile file("/dev/full");
  EXPECT_THROW(file.append(traced_result(1)), RunError);
}

TEST(TideOfTheRecord, IsThatOfTheFirstRank) {
  bench::CaseResult result = traced_result(2);
  result.traces[1].tide.changes.clear();
  const Json tide = run_record(result, Json::object()).at("memory").at("tide");
  EXPECT_EQ(tide.at("rank"), 0);
  EXPECT_EQ(tide.at("turn"), 4);
  EXPECT_EQ(tide.at("saved"), Json({100, 100, 100, 100, 100, 100, 100, 0, 0, 0}));
  EXPECT_EQ(tide.at("recomputed"), Json({0, 0, 0, 0, 0, 0, 7, 7, 0, 0}));
  EXPECT_EQ(tide.at("transient"), Json({0, 30, 30, 30, 0, 20, 20, 20, 20, 0}));
  EXPECT_EQ(tide.at("workspace"), Json({0, 0, 5, 0, 0, 0, 0, 0, 0, 0}));
  // Tenths of a microsecond.
  EXPECT_EQ(tide.at("microseconds"), Json({976.6, 2929.7, 3906.3, 4882.8, 5859.4, 6835.9, 8789.1,
                                           11718.8, 14648.4, 15625.0}));
}

TEST(TideOfTheRecord, IsNullWithoutATrace) {
  EXPECT_EQ(run_record(support::complete_result(), Json::object()).at("memory").at("tide"),
            nullptr);
}

}  // namespace
}  // namespace tidemark::report
