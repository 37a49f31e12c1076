#include "bench/rehearsal.hpp"

#include <fmt/format.h>

#include "base/error.hpp"
#include "bench/audit.hpp"
#include "bench/step.hpp"
#include "comm/paper.hpp"
#include "theory/flops.hpp"
#include "theory/memory.hpp"

namespace tidemark::bench {

namespace {

template <class T>
Rehearsal rehearse_in(const config::Case& c) {
  Device device = Device::on_paper();
  memory::Pool pool(memory::Pool::Source::paper);
  memory::Ledger ledger(pool);
  comm::PaperCommunicator communicator(static_cast<int>(c.parallel.tensor));
  model::Stack<T> stack(c, device, ledger, communicator);
  run_step(stack);
  return {ledger.tide(),
          communicator.counters(),
          static_cast<std::int64_t>(ledger.pool_bytes()),
          static_cast<std::int64_t>(stack.store().value_bytes()),
          static_cast<std::int64_t>(stack.store().gradient_bytes()),
          static_cast<std::int64_t>(stack.table_bytes()),
          static_cast<std::int64_t>(stack.store().exchange_buffer_bytes())};
}

void require_good(const Check& check) {
  TIDEMARK_REQUIRE(check.passed(), fmt::format("{}: {}", check.name, check.where));
}

}  // namespace

Rehearsal rehearse(const config::Case& c) {
  return with_scalar_of(c.precision, [&](auto scalar) { return rehearse_in<decltype(scalar)>(c); });
}

PlanResult plan_case(const config::Case& c) {
  const Rehearsal rehearsal = rehearse(c);
  require_good(check_saved(c, rehearsal.tide));
  require_good(check_traffic(c, rehearsal.counters, 1));
  TIDEMARK_REQUIRE(
      rehearsal.parameter_bytes == theory::parameter_bytes(c) &&
          rehearsal.gradient_bytes == theory::gradient_bytes(c) &&
          rehearsal.table_bytes == theory::rotary_table_bytes(c) &&
          rehearsal.exchange_buffer_bytes == theory::communication_buffer_bytes(c),
      fmt::format("{} bytes of parameters, {} of gradients, {} of tables, {} of exchange buffers",
                  rehearsal.parameter_bytes, rehearsal.gradient_bytes, rehearsal.table_bytes,
                  rehearsal.exchange_buffer_bytes));
  PlanResult plan;
  plan.settings = c;
  plan.memory = memory_of(c, rehearsal.tide);
  plan.memory.parameters = rehearsal.parameter_bytes + rehearsal.table_bytes;
  plan.memory.gradients = rehearsal.gradient_bytes;
  plan.memory.communication_buffers = rehearsal.exchange_buffer_bytes;
  plan.memory.optimizer = theory::optimizer_bytes(c);
  plan.calls = calls_per_step(rehearsal.counters, static_cast<int>(c.parallel.tensor), 1);
  for (CallLine& call : plan.calls) {
    call.seconds.reset();
    call.blocked_seconds.reset();
  }
  plan.model_flops_per_step = theory::model_flops_per_step(c);
  plan.launched_flops_per_rank = theory::launched_flops_per_step(c);
  return plan;
}

}  // namespace tidemark::bench
