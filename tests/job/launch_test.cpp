// SPDX-License-Identifier: BSD-3-Clause
// The environments are those of Slurm 22.05 and Open MPI 4.1, except for the number of tasks.
#include "job/launch.hpp"

#include <map>
#include <string>

#include <gtest/gtest.h>

#include "job/fake_environment.hpp"

namespace tidemark::job {
namespace {

using testing::variables;
using Values = std::map<std::string, std::string>;

const std::string mpi = "Open MPI v4.1.4, package: Debian";

const Values batch_script{{"ENVIRONMENT", "BATCH"},  {"SLURM_JOB_ID", "9"}, {"SLURM_NTASKS", "4"},
                          {"SLURM_NPROCS", "4"},     {"SLURM_PROCID", "0"}, {"SLURM_LOCALID", "0"},
                          {"SLURM_TASK_PID", "1234"}};

Values with(Values values, const Values& others) {
  for (const auto& [name, value] : others) values[name] = value;
  return values;
}

Values step(const std::string& rank, const std::string& tasks) {
  return with(batch_script,
              {{"SLURM_PROCID", rank}, {"SLURM_STEP_ID", "0"}, {"SLURM_STEP_NUM_TASKS", tasks}});
}

std::string line_of(const Values& values, int mpi_size = 1) {
  return singleton_line(launch_of(variables(values)), mpi_size, mpi);
}

TEST(Launch, WithoutALauncherIsOneProcess) {
  EXPECT_EQ(line_of({}), "");
  EXPECT_EQ(launch_of(variables({})).rank, 0);
}

TEST(Launch, TasksOfSrunThatAreJobsOfTheirOwnAreRefused) {
  EXPECT_EQ(
      line_of(step("0", "4")),
      "launcher: srun started 4 processes, but MPI (Open MPI v4.1.4) takes each for a job of "
      "one rank: use srun --mpi=pmix ('srun --mpi=list' shows what there is), or the mpirun of "
      "that library");
  EXPECT_EQ(launch_of(variables(step("3", "4"))).rank, 3);
}

TEST(Launch, WhereMpiSeesSeveralNothingIsWrong) {
  EXPECT_EQ(line_of(step("0", "4"), 4), "");
  EXPECT_EQ(line_of(step("0", "4"), 2), "");  // the input reports that the number is wrong
  EXPECT_EQ(line_of({{"OMPI_COMM_WORLD_SIZE", "4"}, {"OMPI_COMM_WORLD_RANK", "0"}}, 4), "");
}

TEST(Launch, ATaskAloneIsAJobOfOneRank) { EXPECT_EQ(line_of(step("0", "1")), ""); }

// SLURM_NTASKS is that of the allocation.
TEST(Launch, InTheShellOfAnAllocationIsOneProcess) {
  const Values salloc{{"SLURM_JOB_ID", "9"}, {"SLURM_NTASKS", "4"}, {"SLURM_NPROCS", "4"}};
  EXPECT_EQ(line_of(salloc), "");
  EXPECT_EQ(line_of(batch_script), "");
  EXPECT_EQ(line_of(with(batch_script, {{"ENVIRONMENT", "mine"}})), "");
  for (const char* const special : {"4294967290", "4294967291", "4294967294"}) {
    EXPECT_EQ(line_of(with(step("0", "4"), {{"SLURM_STEP_ID", special}})), "") << special;
  }
}

TEST(Launch, OpenMpi5MixesStreams) {
  EXPECT_TRUE(mixes_streams(variables({{"PRTE_LAUNCHED", "1"}})));
  EXPECT_TRUE(mixes_streams(variables({{"PMIX_NAMESPACE", "prterun-vm-6@1"}})));
  EXPECT_FALSE(mixes_streams(variables({{"PMIX_NAMESPACE", "slurm.pmix.9.0"}})));
  EXPECT_FALSE(mixes_streams(variables({{"OMPI_COMM_WORLD_SIZE", "4"}})));
  EXPECT_FALSE(mixes_streams(variables({})));
}

TEST(Launch, OneRankOfMpirunInAnAllocationIsAJobOfOneRank) {
  const Values mpirun{{"OMPI_COMM_WORLD_SIZE", "1"},
                      {"OMPI_COMM_WORLD_RANK", "0"},
                      {"PMIX_RANK", "0"},
                      {"PMIX_NAMESPACE", "3046440961"}};
  EXPECT_EQ(line_of(mpirun), "");
  EXPECT_EQ(line_of(with(batch_script, mpirun)), "");
  // On another node, mpirun's daemons are a step of srun, with one task per node.
  EXPECT_EQ(line_of(with(step("2", "3"), mpirun)), "");
  EXPECT_EQ(line_of(with(step("2", "3"), {{"PMI_SIZE", "1"}, {"PMI_RANK", "0"}})), "");
  EXPECT_EQ(line_of(with(step("2", "3"), {{"PMIX_RANK", "0"}, {"PMIX_NAMESPACE", "prterun-1"}})),
            "");
}

// A container that passes some variables on.
TEST(Launch, TasksWhoseStepIsNotToldAreRefusedToo) {
  const Launch launch =
      launch_of(variables({{"SLURM_JOB_ID", "9"}, {"SLURM_PROCID", "2"}, {"SLURM_NTASKS", "4"}}));
  EXPECT_EQ(launch.launcher, "srun");
  EXPECT_EQ(launch.rank, 2);
  EXPECT_EQ(launch.processes, 4);
}

TEST(Launch, TheMpirunOfAnotherMpiIsRefused) {
  EXPECT_EQ(
      singleton_line(
          launch_of(variables({{"OMPI_COMM_WORLD_SIZE", "4"}, {"OMPI_COMM_WORLD_RANK", "1"}})), 1,
          "MPICH Version: 4.0.2"),
      "launcher: Open MPI's mpirun started 4 processes, but MPI (MPICH Version: 4.0.2) takes "
      "each for a job of one rank: use the mpirun of that library");
  EXPECT_EQ(line_of({{"PMI_SIZE", "2"}, {"PMI_RANK", "0"}}),
            "launcher: a launcher that speaks PMI started 2 processes, but MPI (Open MPI v4.1.4) "
            "takes each for a job of one rank: use the mpirun of that library");
}

TEST(Launch, OfPmixARankIsKnownAlone) {
  EXPECT_EQ(line_of({{"PMIX_RANK", "0"}, {"PMIX_NAMESPACE", "x"}}), "");
  EXPECT_EQ(launch_of(variables({{"PMIX_RANK", "3"}, {"PMIX_NAMESPACE", "x"}})).processes, 4);
}

TEST(Launch, TheRemedyIsNotWhatWasTried) {
  const Launch pmix = launch_of(
      variables(with(step("0", "2"), {{"PMIX_RANK", "0"}, {"PMIX_NAMESPACE", "slurm.pmix.9.0"}})));
  EXPECT_EQ(pmix.processes, 2);
  EXPECT_EQ(pmix.remedy.rfind("srun with another plugin than pmix", 0), 0U) << pmix.remedy;
  const Launch pmi2 = launch_of(variables(
      with(step("1", "2"), {{"PMI_RANK", "1"}, {"PMI_SIZE", "2"}, {"PMI_JOBID", "9.0"}})));
  EXPECT_EQ(pmi2.launcher, "srun");
  EXPECT_EQ(pmi2.remedy.rfind("srun --mpi=pmix", 0), 0U);
}

TEST(Launch, NumbersThatAreNoneCountAsNone) {
  for (const char* const text : {"", "x", "-3", "99999999999999999999", "4x"}) {
    EXPECT_EQ(line_of({{"OMPI_COMM_WORLD_SIZE", text}}), "") << text;
    EXPECT_EQ(line_of({{"PMI_SIZE", text}}), "") << text;
    EXPECT_EQ(line_of(step("0", text)), "") << text;
  }
}

}  // namespace
}  // namespace tidemark::job
