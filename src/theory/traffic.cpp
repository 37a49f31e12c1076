#include "theory/traffic.hpp"

#include "theory/exact.hpp"

namespace tidemark::theory {

namespace {

using comm::Operation;
using comm::Purpose;

/// `calls` messages of N = `message` bytes each. Wire bytes are counted in units of (t-1)/t N, of
/// which an all-reduce moves two and the others one: section by section, the published table.
StepTraffic messages(Operation operation, Purpose purpose, std::int64_t calls, std::int64_t message,
                     std::int64_t t) {
  const std::int64_t total = exact_product({calls, message});
  const std::int64_t unit = exact_product({t - 1, exact_quotient(total, t)});
  const std::int64_t units = operation == Operation::all_reduce ? 2 : 1;
  return {operation, purpose, calls, total, exact_product({units, unit})};
}

}  // namespace

std::vector<StepTraffic> step_traffic(const config::Case& c, std::int64_t element_bytes) {
  const std::int64_t t = c.parallel.tensor;
  if (t == 1) return {};

  const std::int64_t w = element_bytes;
  const std::int64_t h = c.model.hidden_size;
  const std::int64_t layers = c.model.num_layers;
  const std::int64_t tensor =
      exact_product({c.model.seq_length, c.model.micro_batch_size, h, w});  // [s, b, h]
  if (!c.sequence_parallel()) {
    return {messages(Operation::all_reduce, Purpose::activation, exact_product({4, layers}), tensor,
                     t)};
  }
  // The inputs of qkv and fc1 are gathered again in the backward pass unless they were kept.
  const std::int64_t gathers = c.parallel.keep_gathered ? 4 : 6;
  const std::int64_t gradients = exact_product({6, h, layers, w});
  return {messages(Operation::all_gather, Purpose::activation, exact_product({gathers, layers}),
                   tensor, t),
          messages(Operation::reduce_scatter, Purpose::activation, exact_product({4, layers}),
                   tensor, t),
          messages(Operation::all_reduce, Purpose::gradient, 1, gradients, t)};
}

std::vector<StepTraffic> step_traffic(const config::Case& c) {
  return step_traffic(c, static_cast<std::int64_t>(c.element_bytes()));
}

std::int64_t wire_bytes_per_step(const config::Case& c, Purpose purpose) {
  std::int64_t sum = 0;
  for (const StepTraffic& traffic : step_traffic(c)) {
    if (traffic.purpose == purpose) sum = exact_sum({sum, traffic.wire_bytes});
  }
  return sum;
}

}  // namespace tidemark::theory
