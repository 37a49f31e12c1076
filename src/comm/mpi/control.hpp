// SPDX-License-Identifier: BSD-3-Clause
// The blocking operations of the harness.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "comm/mpi/handle.hpp"
#include "comm/mpi/progress.hpp"

namespace tidemark::comm {

/// Control operations over MPI; see Communicator for each. The account ignores them.
class MpiControl {
 public:
  /// Both must outlive this object.
  MpiControl(const MpiHandle& handle, MpiProgress& progress)
      : handle_(handle), progress_(progress) {}

  /// Returns after every rank has called it. `operation` names it in error lines; a literal.
  void meet(const char* operation);
  void max_over_ranks(std::span<double> values);
  void min_over_ranks(std::span<double> values);
  void sum_over_ranks(std::span<double> values);
  [[nodiscard]] std::string broadcast_bytes(std::string bytes, int root);
  [[nodiscard]] std::vector<std::string> gather_bytes(std::string_view bytes);

 private:
  using Fold = double (*)(double, double);

  void fold_over_ranks(std::span<double> values, Fold fold, const char* operation);
  template <class Body>
  void carry_out(const char* operation, const Body& body);

  const MpiHandle& handle_;
  MpiProgress& progress_;
};

}  // namespace tidemark::comm
