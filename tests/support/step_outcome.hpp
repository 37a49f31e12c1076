// All that a step of a stack computes, copied to the host.
#pragma once

#include <map>
#include <string>

#include "bench/host_tensor.hpp"
#include "bench/step.hpp"
#include "comm/communicator.hpp"
#include "config/case.hpp"
#include "model/stack.hpp"

namespace tidemark::support {

/// A tensor of one rank and its place in the tensor of all.
template <class T>
struct Placed {
  bench::HostTensor<T> tensor;
  kernels::GlobalPlace place;
};

template <class T>
using StepOutcome = std::map<std::string, Placed<T>>;

/// Builds the stack of `c`, runs one step, and returns its ends, its parameters and their gradients
/// by the names of the dumps. Collective.
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
  return outcome;
}

}  // namespace tidemark::support
