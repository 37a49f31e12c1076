#include "report/provenance.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <fstream>
#include <string_view>

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include "base/device.hpp"
#include "kernels/gemm.hpp"
#include "tidemark_version.hpp"

namespace tidemark::report {

namespace {

// FNV-1a (Fowler, Noll, Vo): names an input among others, guards against nobody.
std::uint64_t digest_of(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : text) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  }
  return hash;
}

std::string kokkos_version() {
  return fmt::format("{}.{}.{}", KOKKOS_VERSION / 10000, KOKKOS_VERSION / 100 % 100,
                     KOKKOS_VERSION % 100);
}

std::string now_utc() {
  const auto now =
      std::chrono::time_point_cast<std::chrono::seconds>(std::chrono::system_clock::now());
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}",
                     fmt::gmtime(std::chrono::system_clock::to_time_t(now)));
}

/// Variables that decide how devices and NCCL work.
nlohmann::ordered_json environment() {
  auto found = nlohmann::ordered_json::object();
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::size_t end = std::min(text.find('='), text.size());
    for (const std::string_view prefix : {"NCCL_", "CUDA_", "NVIDIA_TF32_OVERRIDE"}) {
      if (text.starts_with(prefix)) {
        found[std::string(text.substr(0, end))] = text.substr(std::min(end + 1, text.size()));
      }
    }
  }
  return found;
}

}  // namespace

std::string processor_model() {
  std::ifstream file("/proc/cpuinfo");
  std::string line;
  while (std::getline(file, line)) {
    const std::size_t colon = line.find(": ");
    if (line.rfind("model name", 0) == 0 && colon != std::string::npos) {
      return line.substr(colon + 2);
    }
  }
  return "unknown";
}

nlohmann::ordered_json provenance(const Invocation& invocation, const comm::MpiSession* session) {
  nlohmann::ordered_json json;
  json["time_utc"] = now_utc();
  json["version"] = build_info::version;
  json["git_hash"] = build_info::git_hash;
  json["compiler"] = build_info::compiler;
  json["build_type"] = build_info::build_type;
  json["flags"] = build_info::flags;
  json["kokkos"] = {{"version", kokkos_version()}, {"execution_space", ExecutionSpace::name()}};
  json["blas"] = kernels::blas_description();
  json["mpi"] = session == nullptr ? nlohmann::ordered_json()
                                   : nlohmann::ordered_json(session->library_version());
  json["threads_per_rank"] = invocation.threads;
  json["processor"] = processor_model();
  json["environment"] = environment();
  json["command_line"] = invocation.arguments;
  json["input"] = {{"file", invocation.input_file},
                   {"fnv1a_64", fmt::format("{:016x}", digest_of(invocation.input_text))}};
  return json;
}

}  // namespace tidemark::report
