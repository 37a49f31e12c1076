// SPDX-License-Identifier: BSD-3-Clause
#include "bench/dry_run/dry_run.hpp"

#include <vector>

#include <fmt/format.h>

#include "base/error.hpp"
#include "bench/case/communicator_options.hpp"
#include "bench/case/products.hpp"
#include "bench/step/step.hpp"
#include "bench/verify/audit.hpp"
#include "comm/factory.hpp"
#include "comm/wrappers/dry_run.hpp"
#include "theory/flops.hpp"
#include "theory/memory.hpp"

namespace tidemark::bench {

namespace {

/// Whether a run of this build takes NCCL.
bool takes_nccl(const config::Case& c) {
  comm::CommunicatorOptions options;
  set_options(c, options);
  if (runs_on_cuda) options.compute_stream = nullptr;
  return comm::takes_nccl(options);
}

/// The own algorithms that the collectives may use. Empty for NCCL and for `native`, where the
/// library has its own.
std::vector<comm::Algorithm> algorithms_of(const config::Case& c, const comm::NodeMap& nodes) {
  if (takes_nccl(c)) return {};
  const std::optional<comm::Algorithm> given = algorithm_of(c.comm.algorithm);
  std::vector<comm::Algorithm> algorithms;
  for (const comm::Algorithm algorithm : comm::all_algorithms) {
    if (algorithm == comm::Algorithm::native) continue;
    const bool is_choice = !given && comm::is_distinct(algorithm, nodes);
    if (is_choice || given == algorithm) algorithms.push_back(algorithm);
  }
  return algorithms;
}

/// The other schedules that a run uses: the serial step, and the modes that overlap.mode auto
/// tries.
std::vector<parallel::OverlapMode> other_modes(const config::Case& c) {
  using parallel::OverlapMode;
  if (!c.overlaps()) return {};
  if (!c.overlap.is_auto()) return {OverlapMode::none};
  return {OverlapMode::none, OverlapMode::bulk};
}

template <class T>
DryRun dry_run_in(const config::Case& c, const comm::NodeMap& nodes) {
  Device device = Device::dry_run();
  device.products = method_of(c);
  memory::Pool pool(memory::Pool::Source::dry_run);
  memory::Ledger ledger(pool);
  const std::vector<comm::Algorithm> algorithms = algorithms_of(c, nodes);
  comm::DryRunCommunicator communicator(nodes, algorithms);
  communicator.set_overlapping(c.overlaps());
  model::Stack<T> stack(c, device, ledger, communicator);
  run_step(stack);
  DryRun dry_run{ledger.tide(),
                 communicator.counters(),
                 static_cast<std::int64_t>(ledger.pool_bytes()),
                 static_cast<std::int64_t>(stack.store().value_bytes()),
                 static_cast<std::int64_t>(stack.store().gradient_bytes()),
                 static_cast<std::int64_t>(stack.table_bytes()),
                 static_cast<std::int64_t>(stack.store().exchange_buffer_bytes())};
  if (algorithms.empty()) return dry_run;
  for (const parallel::OverlapMode mode : other_modes(c)) {
    parallel::Schedule schedule = model::schedule_of(c);
    schedule.mode = mode;
    communicator.set_overlapping(mode != parallel::OverlapMode::none);
    stack.run_with(device, communicator, schedule);
    run_step(stack);
  }
  dry_run.scratch_bytes = communicator.scratch_bytes();
  return dry_run;
}

/// Nodes of so many consecutive ranks.
comm::NodeMap nodes_of(const config::Case& c, int ranks_per_node) {
  std::vector<int> labels;
  for (int rank = 0; rank < c.parallel.tensor; ++rank) labels.push_back(rank / ranks_per_node);
  comm::NodeMap nodes(labels);
  require_even_nodes(c, nodes);
  return nodes;
}

void require_good(const Check& check) {
  TIDEMARK_REQUIRE(check.passed(), fmt::format("{}: {}", check.name, check.where));
}

}  // namespace

DryRun run_dry(const config::Case& c, const std::optional<comm::NodeMap>& nodes) {
  const comm::NodeMap known = nodes.value_or(static_cast<int>(c.parallel.tensor));
  return with_scalar_of(c.precision,
                        [&](auto scalar) { return dry_run_in<decltype(scalar)>(c, known); });
}

PlanResult plan_case(const config::Case& settings, config::Products assumed,
                     std::optional<int> ranks_per_node) {
  config::Case c = settings;
  if (c.products == config::Products::automatic) c.products = assumed;
  std::optional<comm::NodeMap> nodes;
  if (ranks_per_node) nodes = nodes_of(c, *ranks_per_node);
  const DryRun dry_run = run_dry(c, nodes);
  require_good(check_saved(c, dry_run.tide));
  require_good(check_traffic(c, dry_run.counters, 1));
  TIDEMARK_REQUIRE(
      dry_run.parameter_bytes == theory::parameter_bytes(c) &&
          dry_run.gradient_bytes == theory::gradient_bytes(c) &&
          dry_run.table_bytes == theory::rotary_table_bytes(c) &&
          dry_run.exchange_buffer_bytes == theory::exchange_buffer_bytes(c),
      fmt::format("{} bytes of parameters, {} of gradients, {} of tables, {} of exchange buffers",
                  dry_run.parameter_bytes, dry_run.gradient_bytes, dry_run.table_bytes,
                  dry_run.exchange_buffer_bytes));
  PlanResult plan;
  plan.settings = settings;
  plan.memory = memory_of(c, dry_run.tide);
  plan.memory.parameters = dry_run.parameter_bytes + dry_run.table_bytes;
  plan.memory.gradients = dry_run.gradient_bytes;
  plan.memory.communication_buffers = dry_run.communication_bytes();
  plan.memory.optimizer = theory::optimizer_bytes(c);
  plan.calls = calls_per_step(dry_run.counters, static_cast<int>(c.parallel.tensor), 1);
  for (CallLine& call : plan.calls) {
    call.seconds.reset();
    call.blocked_seconds.reset();
    if (!nodes) call.sent.reset();
  }
  if (candidates_of(c).empty()) plan.products = method_of(c).library;
  plan.model_flops_per_step = theory::model_flops_per_step(c);
  plan.launched_flops_per_rank = theory::launched_flops_per_step(c);
  return plan;
}

}  // namespace tidemark::bench
