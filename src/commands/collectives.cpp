// SPDX-License-Identifier: BSD-3-Clause
#include "commands/collectives.hpp"

#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "bench/case/communicator_options.hpp"
#include "bench/collectives/collective_rates.hpp"
#include "bench/collectives/collective_ways.hpp"
#include "comm/counters.hpp"
#include "config/byte_size.hpp"
#include "report/print.hpp"

namespace tidemark::commands {

namespace {

DType precision_of(const std::string& word) {
  for (const DType dtype : {DType::fp64, DType::fp32, DType::bf16}) {
    if (word == name_of(dtype)) return dtype;
  }
  throw InputError(
      fmt::format("--precision: '{}' is not accepted, expected one of fp64, fp32, bf16", word));
}

comm::Backend backend_of(const std::string& word) {
  if (const auto backend = from_word<config::Backend>(word)) return bench::backend_of(*backend);
  throw InputError(
      fmt::format("--backend: '{}' is not accepted, expected one of auto, mpi, nccl", word));
}

/// How each library accesses buffers in the memory of a device.
std::string transports(const std::vector<bench::CollectiveWay>& ways) {
  std::string text = runs_on_host ? "" : "; buffers in the device's memory";
  const char* last = "";
  for (const bench::CollectiveWay& way : ways) {
    const char* const library = way.communicator->name() == "nccl" ? "NCCL" : "MPI";
    if (runs_on_host || std::string_view(library) == last) continue;
    text += fmt::format(", {}: {}", library, way.communicator->transport());
    last = library;
  }
  return text;
}

std::vector<std::int64_t> sizes_between(std::int64_t smallest, std::int64_t largest) {
  if (smallest < 1 || smallest > largest) {
    throw InputError("--min: must be at least 1 byte and at most --max");
  }
  std::vector<std::int64_t> sizes;
  for (std::int64_t size = smallest; size <= largest; size *= 4) sizes.push_back(size);
  return sizes;
}

std::string row(const bench::CollectiveRate& rate, int ranks) {
  comm::CallStats stats;
  stats.calls = 1;
  stats.message_bytes = rate.message_bytes;
  stats.seconds = rate.seconds;
  return fmt::format(
      "{:>12}  {:<14}  {:<12} {:<5} {:>11.1f} {:>9.3f} {:>9.3f} {:>10} {:>8.2f}\n",
      rate.message_bytes, comm::name_of(rate.operation), rate.way, rate.in_place ? "in" : "out",
      rate.seconds * 1e6, static_cast<double>(rate.message_bytes) / rate.seconds * 1e-9,
      comm::busbw_gbytes_per_s(rate.operation, ranks, stats).value_or(0.0),
      rate.native_seconds ? fmt::format("{:.3f}", rate.seconds / *rate.native_seconds)
                          : std::string("-"),
      rate.seconds / rate.copy_seconds);
}

}  // namespace

ExitStatus collectives(const CollectivesArguments& arguments, const Device& device,
                       const job::MpiSession& session) {
  const DType dtype = precision_of(arguments.precision);
  const std::vector<std::int64_t> sizes =
      sizes_between(config::parse_byte_size(arguments.smallest, "--min"),
                    config::parse_byte_size(arguments.largest, "--max"));
  const comm::Backend backend = backend_of(arguments.backend);
  if (session.size() < 2) throw InputError("collectives: at least 2 ranks are needed");
  const auto ways =
      bench::collective_ways(device, session.size(), backend, dtype, arguments.timeout_s);
  const auto rates = bench::measure_collectives(ways, bench::activations_place(device), sizes,
                                                dtype, arguments.repeats);
  if (session.rank() != 0) return ExitStatus::good;
  std::string table = fmt::format(
      "{} ranks, {}, {} repeats in turn{}\n{:>12}  {:<14}  {:<12} {:<5} {:>11} {:>9} {:>9} {:>10} "
      "{:>8}\n"
      "{:>12}  {:<14}  {:<12} {:<5} {:>11} {:>9} {:>9} {:>10} {:>8}\n",
      session.size(), name_of(dtype), arguments.repeats, transports(ways), "bytes", "operation",
      "algorithm", "place", "time", "algbw", "busbw", "time over", "time", "", "", "", "", "us",
      "GB/s", "GB/s", "native", "over copy");
  for (const bench::CollectiveRate& rate : rates) table += row(rate, session.size());
  report::print(table);
  return ExitStatus::good;
}

}  // namespace tidemark::commands
