#include "theory/traffic.hpp"

#include <initializer_list>

#include "theory/exact.hpp"

namespace tidemark::theory {

namespace {

using comm::Operation;
using comm::Purpose;

/// Calls of one size.
struct Messages {
  std::int64_t calls;
  std::int64_t bytes;  ///< N, each
};

/// Wire bytes are counted in units of (t-1)/t N, of which an all-reduce moves two and the others
/// one: section by section, the published table.
StepTraffic sum_of(Operation operation, Purpose purpose, std::int64_t t,
                   std::initializer_list<Messages> messages) {
  StepTraffic sum{operation, purpose};
  for (const auto& [calls, bytes] : messages) {
    sum.calls = exact_sum({sum.calls, calls});
    sum.message_bytes = exact_sum({sum.message_bytes, exact_product({calls, bytes})});
  }
  const std::int64_t units = operation == Operation::all_reduce ? 2 : 1;
  sum.wire_bytes = exact_product({units, t - 1, exact_quotient(sum.message_bytes, t)});
  return sum;
}

}  // namespace

std::vector<StepTraffic> step_traffic(const config::Case& c) {
  const std::int64_t t = c.parallel.tensor;
  if (t == 1) return {};

  const config::ModelConfig& m = c.model;
  const std::int64_t h = m.hidden_size;
  const std::int64_t layers = m.num_layers;
  const std::int64_t ends = m.has_ends() ? 1 : 0;
  const auto w = static_cast<std::int64_t>(c.element_bytes());
  const auto f = static_cast<std::int64_t>(c.accumulation_bytes());
  const std::int64_t tensor = exact_product({m.tokens(), h, w});  // [s, b, h]

  // One of each kind where a sublayer begins or ends, in every pass over it; the ends are two more
  // such places: the embedding ends like a sublayer, the output projection begins like one.
  const std::int64_t passes = c.recomputes_layer() ? 3 : 2;
  const std::int64_t places = exact_sum({exact_product({2, passes, layers}), 2 * ends});
  // Maximum, sum of exponentials and the label's logit of each token, from each rank.
  const Messages loss{ends, exact_product({3, t, m.tokens(), f})};

  if (!c.sequence_parallel()) {
    std::vector<StepTraffic> traffic{
        sum_of(Operation::all_reduce, Purpose::activation, t, {{places, tensor}})};
    if (ends > 0) traffic.push_back(sum_of(Operation::all_gather, Purpose::activation, t, {loss}));
    return traffic;
  }
  // The inputs of qkv, fc1 and the output projection are gathered again unless they were kept.
  const std::int64_t inputs = exact_sum({exact_product({2, layers}), ends});
  const std::int64_t gathers = exact_sum({places, c.parallel.keep_gathered ? 0 : inputs});
  const std::int64_t gradients =
      exact_product({exact_sum({exact_product({6, layers}), 2 * ends}), h, f});
  return {sum_of(Operation::all_gather, Purpose::activation, t, {{gathers, tensor}, loss}),
          sum_of(Operation::reduce_scatter, Purpose::activation, t, {{places, tensor}}),
          sum_of(Operation::all_reduce, Purpose::gradient, t, {{1, gradients}})};
}

std::int64_t wire_bytes_per_step(const config::Case& c, Purpose purpose) {
  std::int64_t sum = 0;
  for (const StepTraffic& traffic : step_traffic(c)) {
    if (traffic.purpose == purpose) sum = exact_sum({sum, traffic.wire_bytes});
  }
  return sum;
}

}  // namespace tidemark::theory
