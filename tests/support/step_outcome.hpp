// All that a step of a stack computes, copied to the host.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <string_view>

#include "bench/host_tensor.hpp"
#include "bench/step.hpp"
#include "comm/communicator.hpp"
#include "config/case.hpp"
#include "model/stack.hpp"

namespace tidemark::support {

/// A tensor of one rank and its place in the tensor of all; bf16 widened, gradients as they are.
template <class T>
struct Placed {
  bench::HostTensor<Accumulate<T>> tensor;
  kernels::GlobalPlace place;
};

template <class T>
using StepOutcome = std::map<std::string, Placed<T>>;

/// Builds the stack of `c`, runs one step, and returns what the stack shows, its parameters and
/// their gradients by the names of the dumps, and with ends the loss. Collective.
template <class T>
StepOutcome<T> run_one_step(const config::Case& c, comm::Communicator& communicator) {
  Device device;
  memory::Pool pool;
  memory::Ledger ledger(pool);
  model::Stack<T> stack(c, device, ledger, communicator);
  const kernels::GlobalPlace own_rows{stack.context().first_token(), 0, c.model.hidden_size};
  StepOutcome<T> outcome;
  bench::run_step<T>(stack, [&](std::string_view name, const Matrix<T>& tensor) {
    outcome[std::string(name)] = {bench::copy_to_host(device, tensor), own_rows};
  });
  for (const parallel::Parameter<T>& p : stack.store().parameters()) {
    outcome[p.spec.name] = {bench::copy_to_host(device, p.value), p.spec.place};
    outcome[p.spec.name + ".grad"] = {bench::copy_to_host(device, p.gradient), p.spec.place};
  }
  if (stack.loss()) {
    outcome["loss"] = {{1, 1, {static_cast<Accumulate<T>>(*stack.loss())}}, {0, 0, 1}};
  }
  return outcome;
}

/// Numbers of tensors in the outcome of a case.
inline std::size_t tensors_of_step(const config::Case& c) {
  const auto of_layers = 2U * 12U * static_cast<std::size_t>(c.model.num_layers);
  return 4U + of_layers + (c.model.has_ends() ? 2U * 3U + 1U : 0U);
}

/// Without the rows that pad the vocabulary, which a case on one rank has not.
template <class F>
bench::HostTensor<F> without_padding(const std::string& name, bench::HostTensor<F> tensor,
                                     const kernels::GlobalPlace& place, std::int64_t vocabulary) {
  if (name.rfind("embedding.weight", 0) != 0) return tensor;
  tensor.rows = std::clamp<std::int64_t>(vocabulary - place.first_row, 0, tensor.rows);
  tensor.values.resize(static_cast<std::size_t>(tensor.rows * tensor.columns));
  return tensor;
}

/// The largest error of a sharded step's tensors against an unsharded one's, and whose it is.
struct WorstError {
  double value = 0.0;
  std::string name;
};

template <class T>
WorstError worst_error(const config::Case& c, const StepOutcome<T>& part,
                       const StepOutcome<T>& whole) {
  WorstError worst;
  for (const auto& [name, item] : part) {
    const auto tensor = without_padding(name, item.tensor, item.place, c.model.vocab_size);
    const double error = bench::relative_error(tensor, whole.at(name).tensor, item.place);
    if (!(error <= worst.value)) worst = {error, name};
  }
  return worst;
}

}  // namespace tidemark::support
