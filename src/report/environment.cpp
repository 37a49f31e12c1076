// SPDX-License-Identifier: BSD-3-Clause
#include "report/environment.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>

#include "config/message.hpp"

namespace tidemark::report {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t max_value_bytes = 400;

/// Variables with these prefixes are recorded. Those of Open MPI are listed by framework, because
/// its launcher adds others, with addresses and keys of the job.
constexpr std::array<std::string_view, 33> prefixes{
    "OMP_",           "GOMP_",          "KMP_",
    "OPENBLAS_",      "MKL_",           "BLIS_",
    "DNNL_",          "ONEDNN_",        "KOKKOS_",
    "CUBLAS_",        "CUBLASLT_",      "CUDA_",
    "HIP_",           "ROCR_",          "HSA_",
    "NCCL_",          "UCX_",           "FI_",
    "OMPI_MCA_btl",   "OMPI_MCA_pml",   "OMPI_MCA_mtl",
    "OMPI_MCA_coll",  "OMPI_MCA_osc",   "OMPI_MCA_hwloc",
    "OMPI_MCA_rmaps", "OMPI_MCA_mpi_",  "MPICH_",
    "MPIR_CVAR_",     "I_MPI_",         "PRTE_MCA_rmaps",
    "PRTE_MCA_hwloc", "TIDEMARK_TEST_", "NVIDIA_TF32_OVERRIDE"};

/// Key of the record, and name of the variable.
constexpr std::array<std::array<const char*, 2>, 9> slurm_variables{{
    {"job_id", "SLURM_JOB_ID"},
    {"step_id", "SLURM_STEP_ID"},
    {"cluster", "SLURM_CLUSTER_NAME"},
    {"partition", "SLURM_JOB_PARTITION"},
    {"nodes", "SLURM_JOB_NODELIST"},
    {"num_nodes", "SLURM_JOB_NUM_NODES"},
    {"num_tasks", "SLURM_NTASKS"},
    {"cpus_per_task", "SLURM_CPUS_PER_TASK"},
    {"cpu_bind", "SLURM_CPU_BIND"},
}};

}  // namespace

Json environment_json() {
  std::map<std::string, std::string> chosen;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view text = *variable;
    const bool is_wanted = std::any_of(prefixes.begin(), prefixes.end(),
                                       [&](auto prefix) { return text.starts_with(prefix); });
    const std::size_t equals = text.find('=');
    if (!is_wanted || equals == std::string_view::npos) continue;
    chosen[std::string(text.substr(0, equals))] =
        config::one_line(text.substr(equals + 1), max_value_bytes);
  }
  return Json(chosen);
}

Json slurm_json() {
  if (std::getenv("SLURM_JOB_ID") == nullptr) return {};
  Json json;
  for (const auto& [key, variable] : slurm_variables) {
    const char* const value = std::getenv(variable);
    json[key] = value == nullptr ? Json() : Json(config::one_line(value, max_value_bytes));
  }
  return json;
}

}  // namespace tidemark::report
