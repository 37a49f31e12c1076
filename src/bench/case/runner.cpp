#include "bench/case/runner.hpp"

#include <memory>
#include <utility>

#include <fmt/format.h>

#include "base/accelerator.hpp"
#include "bench/case/capacity.hpp"
#include "bench/case/case_measurement.hpp"
#include "bench/case/communicator_options.hpp"
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

template <class T>
void run_in(const config::Case& c, const Environment& environment, comm::Communicator& communicator,
            std::optional<std::int64_t> communication_library,
            const std::optional<std::filesystem::path>& dump_folder, CaseResult& result) {
  CaseMeasurement<T> measurement(c, environment, communicator, communication_library);
  measurement.warm_up();
  if (c.bench.verify) {
    measurement.verify(result.verification);
  }
  measurement.measure();
  if (c.bench.verify) {
    measurement.check(result.verification);
  }
  measurement.report(result);
  if (environment.trace) {
    measurement.trace(result);
  }
  if (dump_folder) {
    measurement.dump(*dump_folder);
  }
}

/// What kernels can still allocate. A device belongs to one rank, and its memory to no address
/// space that a limit is about.
MemoryLeft memory_left(const job::MpiSession& session) {
  if (runs_on_host) {
    return {memory::available_node_bytes(), session.local_size(), memory::process_headroom()};
  }
  const auto memory = accelerator::memory();
  return {memory ? std::optional(static_cast<std::int64_t>(memory->free)) : std::nullopt};
}

}  // namespace

CaseResult run_case(const config::Case& c, const Environment& environment,
                    const std::optional<std::filesystem::path>& dump_folder) {
  const std::optional<std::int64_t> before = accelerator::bytes_in_use();
  const auto transport = comm::make_communicator(options_of(c, environment.device));
  std::unique_ptr<comm::Communicator> link;
  if (c.emulated_link.is_emulated()) {
    link = std::make_unique<comm::EmulatedLink>(*transport, c.emulated_link);
  }
  comm::Communicator* const communicator = link ? link.get() : transport.get();
  communicator->set_context(fmt::format("set-up of case {}", c.index + 1));
  memory::reset_process_peak();  // which gives free memory back, before anybody asks what is left
  communicator->barrier();       // the node's other ranks have given their free memory back, too
  const auto communication_library =
      before ? std::optional(*accelerator::bytes_in_use() - *before) : std::nullopt;
  require_capacity(c, memory_left(environment.session), *communicator);
  CaseResult result;
  result.settings = c;
  result.ranks = communicator->size();
  result.backend = communicator->name();
  result.slow_rank = environment.slow_rank;
  result.transport = communicator->transport();
  communicator->set_overlapping(c.overlaps());
  environment.device.rounds_to_tf32 = c.tensor_float;
  with_scalar_of(c.precision, [&](auto scalar) {
    run_in<decltype(scalar)>(c, environment, *communicator, communication_library, dump_folder,
                             result);
  });
  communicator->fence();  // or who could not take the activations' memory back would go unheard
  return result;
}

}  // namespace tidemark::bench
