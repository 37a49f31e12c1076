// SPDX-License-Identifier: BSD-3-Clause
// The record has every key of the schema, for every state of a result.
#include "config/schema.hpp"

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "report/environment.hpp"
#include "report/provenance.hpp"
#include "report/record.hpp"
#include "report/record_file.hpp"
#include "report/results.hpp"

namespace tidemark::report {
namespace {

using Json = nlohmann::ordered_json;

using support::complete_result;

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
                                      "/fom/model_tflops_per_s",
                                      "/fom/model_tflops_per_s_ci",
                                      "/loss",
                                      "/time/step_ms",
                                      "/time/serial_ms",
                                      "/time/compute_serial_ms",
                                      "/time/compute_ms",
                                      "/time/warmup_steps",
                                      "/time/warmup_seconds",
                                      "/time/measured_seconds",
                                      "/time/drift",
                                      "/time/drifting",
                                      "/time/comm_ms",
                                      "/time/forward_ms",
                                      "/time/backward_ms",
                                      "/time/step_ms/median",
                                      "/time/step_ms/min",
                                      "/time/step_ms/max",
                                      "/time/step_ms/iterations",
                                      "/flops/model_per_step",
                                      "/flops/launched_per_rank",
                                      "/flops/gflops_per_rank",
                                      "/flops/gemm_gflops_per_rank",
                                      "/flops/disturbed",
                                      "/flops/fraction_of_gemm",
                                      "/flops/ceiling_gflops_per_rank",
                                      "/flops/mfu/full",
                                      "/flops/mfu/causal",
                                      "/flops/hfu/launched",
                                      "/product_library/name",
                                      "/product_library/gflops_per_rank",
                                      "/product_library/scratch_bytes",
                                      "/memory/saved_bytes",
                                      "/memory/saved_bytes_per_layer",
                                      "/memory/formula_bytes_per_layer",
                                      "/memory/peak_bytes",
                                      "/memory/pool_bytes",
                                      "/memory/process_bytes",
                                      "/memory/closed_formula_bytes_per_layer",
                                      "/memory/ends_saved_bytes",
                                      "/memory/ends_formula_bytes",
                                      "/memory/ends_closed_formula_bytes",
                                      "/memory/norm_statistics_bytes",
                                      "/memory/parameter_bytes",
                                      "/memory/gradient_bytes",
                                      "/memory/optimizer_bytes",
                                      "/memory/communication_buffer_bytes",
                                      "/memory/communication_library_bytes",
                                      "/memory/by_tensor/0",
                                      "/memory/ends/0",
                                      "/memory/at_peak/0",
                                      "/memory/tide",
                                      "/comm/backend",
                                      "/comm/transport",
                                      "/comm/registered_bytes",
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
                                      "/overlap/schedule_efficiency",
                                      "/overlap/split_cost_ms",
                                      "/overlap/serial_exposed_ms",
                                      "/overlap/resolved",
                                      "/overlap/exceeds_max",
                                      "/overlap/efficiency_max",
                                      "/overlap/osu_percent",
                                      "/ranks_detail/0/host",
                                      "/ranks_detail/0/device",
                                      "/ranks_detail/0/device_uuid",
                                      "/ranks_detail/0/device_pci_id",
                                      "/ranks_detail/0/step_ms",
                                      "/provenance"};
  bench::CaseResult unverified = complete_result();
  unverified.verification.checks.clear();
  for (const bench::CaseResult& result :
       {complete_result(), unverified, support::result_with_overlap()}) {
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

// null means "not known". A NaN that became null would hide a broken measurement.
TEST(Schema, NoFigureMayBeNaNOrInfinite) {
  using Spoil = std::function<void(bench::CaseResult&, double)>;
  const Spoil spoils[] = {[](auto& r, double bad) { r.step_ms.median = bad; },
                          [](auto& r, double bad) { r.step_ms.samples[1] = bad; },
                          [](auto& r, double bad) { r.forward_ms.min = bad; },
                          [](auto& r, double bad) { r.backward_ms.max = bad; },
                          [](auto& r, double bad) { r.gemm_gflops.median = bad; },
                          [](auto& r, double bad) { r.gemm_gflops.samples[0] = bad; },
                          [](auto& r, double bad) { r.model_flops_per_step = bad; },
                          [](auto& r, double bad) { r.launched_flops_per_rank = bad; },
                          [](auto& r, double bad) { r.warm_up.seconds = bad; },
                          [](auto& r, double bad) {
                            r.drift = bench::Drift{bad, false};
                          },
                          [](auto& r, double bad) { r.calls[0].seconds = bad; },
                          [](auto& r, double bad) { r.calls[0].blocked_seconds = bad; },
                          [](auto& r, double bad) { r.calls[0].busbw_gbytes_per_s = bad; },
                          [](auto& r, double bad) { r.rank_details[0].step_ms = bad; },
                          [](auto& r, double bad) { r.rank_details[0].blocked_ms = bad; },
                          [](auto& r, double bad) { r.rank_details[0].busy_ms = bad; },
                          [](auto& r, double bad) { r.rank_details[0].gemm_gflops = bad; }};
  ASSERT_NO_THROW(run_record(complete_result(), Json::object()));
  int number = 0;
  for (const Spoil& spoil : spoils) {
    for (const double bad : {std::nan(""), std::numeric_limits<double>::infinity()}) {
      bench::CaseResult result = complete_result();
      spoil(result, bad);
      // An infinite product rate makes its quotient 0, but is itself refused.
      EXPECT_THROW(run_record(result, Json::object()), BrokenInvariant) << number << ", " << bad;
    }
    ++number;
  }
}

TEST(Schema, AStepOfNoTimeHasNoFigureOfMerit) {
  bench::CaseResult result = complete_result();
  result.step_ms = bench::summarize({0.0});
  EXPECT_THROW(run_record(result, Json::object()), BrokenInvariant);
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
  const job::MpiSession session;
  const Invocation invocation{
      {"tidemark", "run", "a.yaml"}, "a.yaml", "model: {}", 3, {"n2", "n1", "n2"}};
  const Json json = provenance(invocation, &session);
  for (const char* key : {"time_utc", "version", "git_hash", "compiler", "build_type", "flags",
                          "kokkos", "blas", "mpi", "transport", "hosts", "slurm", "environment",
                          "threads_per_rank", "processor", "command_line", "input"}) {
    EXPECT_TRUE(json.contains(key)) << key;
  }
  EXPECT_EQ(json.at("threads_per_rank"), 3);
  EXPECT_EQ(json.at("hosts"), Json::parse(R"([{"host": "n2", "ranks": 2},
                                              {"host": "n1", "ranks": 1}])"));
  EXPECT_TRUE(json.at("kokkos").at("configuration").is_array());
  EXPECT_EQ(json.at("command_line").size(), 3U);
  EXPECT_EQ(json.at("input").at("file"), "a.yaml");
  const std::string time = json.at("time_utc");
  ASSERT_EQ(time.size(), 20U) << time;
  EXPECT_EQ(time[10], 'T');
  EXPECT_EQ(time.back(), 'Z');

  // FNV-1a's published value for the empty text, and a digest that depends on every letter.
  Invocation empty = invocation;
  empty.input_text = "";
  EXPECT_EQ(provenance(empty, &session).at("input").at("fnv1a_64"), "cbf29ce484222325");
  Invocation other = invocation;
  other.input_text = "model: []";
  EXPECT_NE(provenance(other, &session).at("input"), json.at("input"));
}

/// A variable of the process's environment that is set while the object lives.
class Variable {
 public:
  Variable(const char* name, const char* value) : name_(name) { setenv(name, value, 1); }
  ~Variable() { unsetenv(name_); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  const char* name_;
};

TEST(Provenance, TakesOfTheEnvironmentWhatHasASay) {
  const Variable transport("OMPI_MCA_btl", "self,tcp");
  const Variable address("OMPI_MCA_orte_hnp_uri", "tcp://192.0.2.1");
  const Variable secret("TIDEMARK_UNIT_TEST_TOKEN", "secret");
  const Variable lines("NCCL_DEBUG_FILE", "a\nb");
  const Json json = environment_json();
  EXPECT_EQ(json.at("OMPI_MCA_btl"), "self,tcp");
  EXPECT_EQ(json.at("NCCL_DEBUG_FILE"), "a\\nb");
  EXPECT_FALSE(json.contains("OMPI_MCA_orte_hnp_uri"));
  EXPECT_EQ(json.dump().find("secret"), std::string::npos);
}

TEST(Provenance, KnowsTheJobOfSlurm) {
  if (std::getenv("SLURM_JOB_ID") != nullptr) GTEST_SKIP() << "in a job of Slurm";
  EXPECT_EQ(slurm_json(), nullptr);
  const Variable job("SLURM_JOB_ID", "4711");
  const Variable nodes("SLURM_JOB_NODELIST", "n[1-2]");
  EXPECT_EQ(slurm_json().at("job_id"), "4711");
  EXPECT_EQ(slurm_json().at("nodes"), "n[1-2]");
}

TEST(Provenance, HoldsAllOfThatEnvironment) {
  const Variable transport("OMPI_MCA_btl", "self,tcp");
  const Variable queues("CUDA_DEVICE_MAX_CONNECTIONS", "1");
  const Variable rounding("NVIDIA_TF32_OVERRIDE", "0");
  const Json json = provenance({{"tidemark", "plan", "a.yaml"}, "a.yaml", "", 1}, nullptr);
  EXPECT_EQ(json.at("environment"), environment_json());
  EXPECT_EQ(json.at("environment").at("OMPI_MCA_btl"), "self,tcp");
  EXPECT_EQ(json.at("environment").at("CUDA_DEVICE_MAX_CONNECTIONS"), "1");
  EXPECT_EQ(json.at("environment").at("NVIDIA_TF32_OVERRIDE"), "0");
}

TEST(Provenance, NamesNoMpiWhereThereIsNone) {
  const Json json = provenance({{"tidemark", "plan", "a.yaml"}, "a.yaml", "", 1}, nullptr);
  EXPECT_EQ(json.at("mpi"), nullptr);
  EXPECT_EQ(json.at("threads_per_rank"), 1);
}

}  // namespace
}  // namespace tidemark::report
