// SPDX-License-Identifier: BSD-3-Clause
// Everything that a step of a stack computes, copied to the host.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "bench/step/step.hpp"
#include "bench/verify/host_tensor.hpp"
#include "comm/communicator.hpp"
#include "config/case.hpp"
#include "model/stack.hpp"
#include "support/cases.hpp"

namespace tidemark::support {

/// A tensor of one rank, and the places of its rows in the unsharded tensor. bf16 is widened, and
/// gradients are unchanged.
template <class T>
struct Placed {
  Placed() = default;
  Placed(bench::HostTensor<Accumulate<T>> values, kernels::Placement places)
      : tensor(std::move(values)), placement(std::move(places)) {}

  bench::HostTensor<Accumulate<T>> tensor;
  kernels::Placement placement;
};

template <class T>
using StepOutcome = std::map<std::string, Placed<T>>;

/// Builds the stack of `c` and runs one step. Returns what the stack shows, its parameters and
/// their gradients by the names of the dumps, and with ends the loss. Collective.
template <class T>
StepOutcome<T> run_one_step(const config::Case& c, comm::Communicator& communicator) {
  Device device;
  memory::Pool pool;
  memory::Ledger ledger(pool);
  model::Stack<T> stack(c, device, ledger, communicator);
  const parallel::Context& context = stack.context();
  const kernels::Placement own_rows{
      {context.local_tokens(), {context.first_token(), 0, c.model.hidden_size}}};
  StepOutcome<T> outcome;
  bench::run_step<T>(stack, [&](std::string_view name, const Matrix<T>& tensor) {
    outcome[std::string(name)] = {bench::copy_to_host(device, tensor), own_rows};
  });
  for (const parallel::Parameter<T>& p : stack.store().parameters()) {
    outcome[p.spec.name] = {bench::copy_to_host(device, p.value), p.spec.placement};
    outcome[p.spec.name + ".grad"] = {bench::copy_to_host(device, p.gradient), p.spec.placement};
  }
  if (stack.loss()) {
    const bench::HostTensor<Accumulate<T>> loss{1, 1, {static_cast<Accumulate<T>>(*stack.loss())}};
    outcome["loss"] = {loss, {{1, {0, 0, 1}}}};
  }
  return outcome;
}

/// Number of tensors in the outcome of a case.
inline std::size_t tensors_of_step(const config::Case& c) {
  return 4U + 2U * parameters_of(c) + (c.model.has_ends() ? 1U : 0U);
}

/// Whether a tensor has a row for each id of the vocabulary.
inline bool is_by_vocabulary(const std::string& name) {
  return name.rfind("embedding.weight", 0) == 0 || name.rfind("output_projection.weight", 0) == 0;
}

/// The tensor without the rows that pad the vocabulary. A case on one rank does not have these
/// rows.
template <class T>
Placed<T> without_padding(const std::string& name, Placed<T> item, std::int64_t vocabulary) {
  if (!is_by_vocabulary(name)) return item;
  auto& tensor = item.tensor;
  auto& placement = item.placement;
  tensor.rows =
      std::clamp<std::int64_t>(vocabulary - placement.front().place.first_row, 0, tensor.rows);
  tensor.values.resize(static_cast<std::size_t>(tensor.rows * tensor.columns));
  placement.front().rows = tensor.rows;
  return item;
}

/// The largest error of a sharded step's tensors against those of an unsharded step, and its
/// tensor.
struct WorstError {
  double value = 0.0;
  std::string name;
};

template <class T>
WorstError worst_error(const config::Case& c, const StepOutcome<T>& part,
                       const StepOutcome<T>& whole) {
  WorstError worst;
  for (const auto& [name, item] : part) {
    const Placed<T> placed = without_padding(name, item, c.model.vocab_size);
    const double error =
        bench::relative_error(placed.tensor, whole.at(name).tensor, placed.placement);
    if (!(error <= worst.value)) worst = {error, name};
  }
  return worst;
}

}  // namespace tidemark::support
