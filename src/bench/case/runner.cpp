// SPDX-License-Identifier: BSD-3-Clause
#include "bench/case/runner.hpp"

#include <memory>
#include <utility>

#include <fmt/format.h>

#include "base/accelerator.hpp"
#include "bench/case/capacity.hpp"
#include "bench/case/case_measurement.hpp"
#include "bench/case/communicator_options.hpp"
#include "bench/case/products.hpp"
#include "bench/kernel_buffers.hpp"
#include "comm/factory.hpp"
#include "comm/wrappers/emulated_link.hpp"
#include "memory/process.hpp"

namespace tidemark::bench {

namespace {

comm::CommunicatorOptions options_of(const config::Case& c, const Device& device) {
  comm::CommunicatorOptions options = options_on(device);
  set_options(c, options);
  return options;
}

/// The communicator of a case, and the emulated link around it if the case has one.
struct OpenCommunicator {
  std::unique_ptr<comm::Communicator> carrier;
  std::unique_ptr<comm::Communicator> link;   ///< null: no link is emulated
  std::optional<std::int64_t> library_bytes;  ///< device memory that making the communicator took

  [[nodiscard]] comm::Communicator& get() const { return link ? *link : *carrier; }
};

/// Makes the communicator and waits until all ranks of the node have freed the memory of the case
/// before.
OpenCommunicator open_communicator(const config::Case& c, const Device& device) {
  const std::optional<std::int64_t> before = accelerator::bytes_in_use();
  OpenCommunicator open{comm::make_communicator(options_of(c, device)), nullptr, std::nullopt};
  if (c.emulated_link.is_emulated()) {
    open.link = std::make_unique<comm::EmulatedLink>(*open.carrier, c.emulated_link);
  }
  open.get().set_context(fmt::format("set-up of case {}", c.index + 1));
  memory::reset_process_peak();  // returns free memory to the system
  open.get().barrier();
  if (before) open.library_bytes = *accelerator::bytes_in_use() - *before;
  open.get().set_overlapping(c.overlaps());
  return open;
}

/// Warms up, verifies, measures and checks the case in precision T.
template <class T>
CaseResult measured(const config::Case& c, const RunContext& run, const OpenCommunicator& open,
                    const std::optional<std::filesystem::path>& dump_folder) {
  CaseMeasurement<T> measurement(c, run, open.get(), open.library_bytes);
  measurement.warm_up();
  Verification verification;
  if (c.bench.verify) verification.checks = measurement.verify();
  measurement.measure();
  if (c.bench.verify) append(verification.checks, measurement.check());
  CaseResult result = measurement.result();
  result.settings = c;
  result.verification = std::move(verification);
  if (run.trace) result.traces = measurement.trace();
  if (dump_folder) measurement.dump(*dump_folder);
  return result;
}

/// The memory that kernels can still allocate. A device belongs to one rank. The limit of the
/// address space does not cover device memory.
MemoryLeft memory_left(const job::MpiSession& session) {
  if (runs_on_host) {
    return {memory::available_node_bytes(), session.local_size(), memory::process_headroom()};
  }
  const auto memory = accelerator::memory();
  return {memory ? std::optional(static_cast<std::int64_t>(memory->free)) : std::nullopt};
}

}  // namespace

CaseResult run_case(const config::Case& c, const RunContext& run,
                    const std::optional<std::filesystem::path>& dump_folder) {
  const OpenCommunicator open = open_communicator(c, run.device);
  require_agreement(c, open.get());
  require_capacity(c, memory_left(run.session), open.get());
  run.device.rounds_to_tf32 = c.tensor_float;
  run.device.products = method_of(c);
  CaseResult result = with_scalar_of(c.precision, [&](auto scalar) {
    return measured<decltype(scalar)>(c, run, open, dump_folder);
  });
  open.get().fence();  // reports an error in freeing the activations' memory
  return result;
}

}  // namespace tidemark::bench
