// The record has every key of the schema, in every state of a result.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <functional>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "config/schema.hpp"
#include "report/provenance.hpp"
#include "report/record.hpp"
#include "report/table.hpp"
#include "support/cases.hpp"

namespace tidemark::report {
namespace {

using Json = nlohmann::ordered_json;

bench::CaseResult complete_result() {
  bench::CaseResult result;
  result.settings = support::small_case(2, true, DType::fp32);
  result.ranks = 2;
  result.backend = "mpi";
  result.verification.checks = {{"check", 0.0, 0.0, ""}};
  for (bench::Summary* summary :
       {&result.step_ms, &result.forward_ms, &result.backward_ms, &result.gemm_gflops}) {
    *summary = bench::summarize({2.0, 1.0, 3.0});
  }
  result.model_flops_per_step = 1e7;
  result.memory.closed_formula_per_layer = 7;
  result.memory.process = 9;
  result.memory.by_tensor = {{"qkv", 100, 100, true}};
  result.memory.at_peak = {{"qkv", 0, "saved", 100}};
  result.calls = {
      {comm::Operation::all_gather, comm::Purpose::activation, 12, 1200, 600, 1e-3, 1e-3, 2.0}};
  result.rank_details = {{.host = "a",
                          .device = "cpu",
                          .step_ms = 3.0,
                          .blocked_ms = 1.0,
                          .gemm_gflops = 10.0,
                          .peak_bytes = 1500,
                          .process_bytes = 2000}};
  return result;
}

bool has(const Json& record, const std::string& pointer) {
  return record.contains(Json::json_pointer(pointer));
}

TEST(Schema, EveryKeyIsThereKnownOrNot) {
  const std::vector<std::string> keys{"/schema_version",
                                      "/kind",
                                      "/case",
                                      "/ranks",
                                      "/valid",
                                      "/verification",
                                      "/fom/tokens_per_s",
                                      "/time/step_ms",
                                      "/time/serial_ms",
                                      "/time/compute_ms",
                                      "/time/comm_ms",
                                      "/time/forward_ms",
                                      "/time/backward_ms",
                                      "/time/step_ms/median",
                                      "/time/step_ms/min",
                                      "/time/step_ms/max",
                                      "/time/step_ms/iterations",
                                      "/flops/model_per_step",
                                      "/flops/gflops_per_rank",
                                      "/flops/gemm_gflops_per_rank",
                                      "/flops/fraction_of_gemm",
                                      "/memory/saved_bytes",
                                      "/memory/saved_bytes_per_layer",
                                      "/memory/formula_bytes_per_layer",
                                      "/memory/peak_bytes",
                                      "/memory/pool_bytes",
                                      "/memory/process_bytes",
                                      "/memory/by_tensor/0",
                                      "/memory/at_peak/0",
                                      "/comm/calls/0/op",
                                      "/comm/calls/0/count",
                                      "/comm/calls/0/bytes",
                                      "/comm/calls/0/wire_bytes",
                                      "/comm/calls/0/seconds",
                                      "/comm/calls/0/blocked_seconds",
                                      "/comm/calls/0/busbw_gbytes_per_s",
                                      "/overlap/mode",
                                      "/overlap/exposed_ms",
                                      "/overlap/timeline_exposed_ms",
                                      "/overlap/intersect_ms",
                                      "/overlap/efficiency",
                                      "/overlap/efficiency_ci",
                                      "/overlap/efficiency_max",
                                      "/overlap/osu_percent",
                                      "/ranks_detail/0/host",
                                      "/ranks_detail/0/device",
                                      "/ranks_detail/0/step_ms",
                                      "/provenance"};
  bench::CaseResult unverified = complete_result();
  unverified.verification.checks.clear();
  for (const bench::CaseResult& result : {complete_result(), unverified}) {
    const Json record = run_record(result, Json::object());
    for (const std::string& key : keys) EXPECT_TRUE(has(record, key)) << key;
    EXPECT_EQ(record.dump().find('\n'), std::string::npos);
  }
}

TEST(Schema, TheCaseHoldsEverySettingUnderItsName) {
  const Json json = case_json(support::small_case(2, true, DType::fp64));
  for (const config::Setting& setting : config::settings()) {
    std::string pointer = "/" + setting.name;
    for (char& letter : pointer) letter = letter == '.' ? '/' : letter;
    EXPECT_TRUE(has(json, pointer)) << setting.name;
  }
  EXPECT_EQ(json.at("precision"), "fp64");
  EXPECT_EQ(json.at("parallel").at("sequence"), true);
  EXPECT_EQ(json.at("model").at("micro_batch_size"), 3);
}

// null means "not known"; a NaN that became null would hide a broken measurement.
TEST(Schema, NoFigureMayBeNaNOrInfinite) {
  using Spoil = std::function<void(bench::CaseResult&, double)>;
  const Spoil spoils[] = {[](auto& r, double bad) { r.step_ms.median = bad; },
                          [](auto& r, double bad) { r.step_ms.samples[1] = bad; },
                          [](auto& r, double bad) { r.forward_ms.min = bad; },
                          [](auto& r, double bad) { r.backward_ms.max = bad; },
                          [](auto& r, double bad) { r.gemm_gflops.median = bad; },
                          [](auto& r, double bad) { r.gemm_gflops.samples[0] = bad; },
                          [](auto& r, double bad) { r.model_flops_per_step = bad; },
                          [](auto& r, double bad) { r.calls[0].seconds = bad; },
                          [](auto& r, double bad) { r.calls[0].blocked_seconds = bad; },
                          [](auto& r, double bad) { r.calls[0].busbw_gbytes_per_s = bad; },
                          [](auto& r, double bad) { r.rank_details[0].step_ms = bad; },
                          [](auto& r, double bad) { r.rank_details[0].blocked_ms = bad; },
                          [](auto& r, double bad) { r.rank_details[0].gemm_gflops = bad; }};
  ASSERT_NO_THROW(run_record(complete_result(), Json::object()));
  int number = 0;
  for (const Spoil& spoil : spoils) {
    for (const double bad : {std::nan(""), std::numeric_limits<double>::infinity()}) {
      bench::CaseResult result = complete_result();
      spoil(result, bad);
      // An infinite product rate makes its quotient 0, but is refused itself.
      EXPECT_THROW(run_record(result, Json::object()), RunError) << number << ", " << bad;
    }
    ++number;
  }
}

TEST(Schema, AStepOfNoTimeHasNoFigureOfMerit) {
  bench::CaseResult result = complete_result();
  result.step_ms = bench::summarize({0.0});
  EXPECT_THROW(run_record(result, Json::object()), RunError);
}

TEST(Schema, AFullDiskIsReported) {
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "no device that is always full";
  RecordFile file("/dev/full");
  EXPECT_THROW(file.append({{"n", 1}}), RunError);
}

TEST(Schema, AFolderIsNoResultsFile) {
  try {
    RecordFile file(std::filesystem::temp_directory_path());
    FAIL() << "a folder was opened for writing";
  } catch (const InputError& error) {
    const std::string line = error.what();
    EXPECT_EQ(line.rfind(std::filesystem::temp_directory_path().string() + ": ", 0), 0U) << line;
    EXPECT_NE(line.find("irectory"), std::string::npos) << line;
  }
}

TEST(Provenance, SaysWhereTheNumbersComeFrom) {
  const comm::MpiSession session;
  const Invocation invocation{{"tidemark", "run", "a.yaml"}, "a.yaml", "model: {}", 3};
  const Json json = provenance(invocation, session);
  for (const char* key :
       {"time_utc", "version", "git_hash", "compiler", "build_type", "flags", "kokkos", "blas",
        "mpi", "threads_per_rank", "processor", "command_line", "input"}) {
    EXPECT_TRUE(json.contains(key)) << key;
  }
  EXPECT_EQ(json.at("threads_per_rank"), 3);
  EXPECT_EQ(json.at("command_line").size(), 3U);
  EXPECT_EQ(json.at("input").at("file"), "a.yaml");
  const std::string time = json.at("time_utc");
  ASSERT_EQ(time.size(), 20U) << time;
  EXPECT_EQ(time[10], 'T');
  EXPECT_EQ(time.back(), 'Z');

  // FNV-1a's published value of the empty text, and a digest that sees one letter.
  Invocation empty = invocation;
  empty.input_text = "";
  EXPECT_EQ(provenance(empty, session).at("input").at("fnv1a_64"), "cbf29ce484222325");
  Invocation other = invocation;
  other.input_text = "model: []";
  EXPECT_NE(provenance(other, session).at("input"), json.at("input"));
}

TEST(Mode, NamesTheSharding) {
  EXPECT_EQ(mode_of(support::small_case(1, false)), "single");
  EXPECT_EQ(mode_of(support::small_case(1, true)), "single");
  EXPECT_EQ(mode_of(support::small_case(2, false)), "TP");
  EXPECT_EQ(mode_of(support::small_case(2, true)), "TP+SP");
  config::Case keep = support::small_case(2, true);
  keep.parallel.keep_gathered = true;
  EXPECT_EQ(mode_of(keep), "TP+SP keep");
}

std::vector<std::string> words_of_row(const bench::CaseResult& result) {
  std::istringstream row(table_row({result.settings}, result));
  std::vector<std::string> words;
  for (std::string word; row >> word;) words.push_back(word);
  return words;
}

// Figures of a valid row: what a person reads must be what the record holds.
TEST(TableRow, HoldsTheFiguresOfTheResult) {
  bench::CaseResult result = complete_result();
  result.memory.saved = 3 << 20;
  result.memory.formula_per_layer = (3 << 20) / 2;
  result.memory.peak = 5 << 20;
  result.calls[0].wire_bytes = 1 << 20;
  result.model_flops_per_step = 4e7;  // 2 ranks, 2 ms: 10 GFLOP/s a rank, of 2
  EXPECT_EQ(words_of_row(result),
            (std::vector<std::string>{"TP+SP", "2", "2.00", "18000.0", "10.0", "5.000", "3.00",
                                      "3.00", "5.00", "1.00", "yes"}));
}

TEST(TableRow, GivesNoFigureOfMeritWithoutAVerdictThatItIsValid) {
  bench::CaseResult result = complete_result();
  result.verification.checks[0].value = 1.0;
  EXPECT_EQ(words_of_row(result)[3], "INVALID");
  EXPECT_EQ(words_of_row(result).back(), "INVALID");
  EXPECT_EQ(failure_lines(result), "  INVALID: check: 1 is above 0\n");
  result.verification.checks.clear();
  EXPECT_EQ(words_of_row(result)[3], "-");
  EXPECT_EQ(words_of_row(result).back(), "unknown");
  EXPECT_EQ(failure_lines(result), "");
}

}  // namespace
}  // namespace tidemark::report
