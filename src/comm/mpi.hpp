// Collectives by MPI. The one header that shows MPI's own types.
#pragma once

// Open MPI and MPICH would otherwise add the C++ bindings that MPI-3 removed.
#ifndef OMPI_SKIP_MPICXX
#define OMPI_SKIP_MPICXX 1
#endif
#ifndef MPICH_SKIP_MPICXX
#define MPICH_SKIP_MPICXX 1
#endif
#include <mpi.h>

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "comm/communicator.hpp"
#include "comm/watchdog.hpp"

namespace tidemark::comm {

/// Collectives over MPI's own, blocking ones: each is carried out when it is posted, so the request
/// returned is complete, and blocked seconds equal seconds. Sums are formed in the element type, in
/// the order that the MPI library chooses.
///
/// A message of more than 2^31 - 1 elements (all ranks' blocks together) is refused with a
/// RunError, since MPI-3 counts in int. Calls that last longer than the timeout end the process;
/// see Watchdog. Destroy it before MPI_Finalize.
class MpiCommunicator final : public Communicator {
 public:
  /// Duplicates `parent`, a collective call, and leaves `parent` to the caller. MPI must be
  /// initialised, with at least MPI_THREAD_FUNNELED.
  MpiCommunicator(MPI_Comm parent, std::chrono::duration<double> timeout);
  ~MpiCommunicator() override;

  [[nodiscard]] int rank() const noexcept override { return handle_.rank; }
  [[nodiscard]] int size() const noexcept override { return handle_.size; }
  [[nodiscard]] std::string_view name() const noexcept override { return "mpi"; }

  [[nodiscard]] Request all_reduce(void* buffer, std::size_t count, DType dtype,
                                   Purpose purpose) override;
  [[nodiscard]] Request all_gather(const void* send, void* recv, std::size_t count_per_rank,
                                   DType dtype, Purpose purpose) override;
  [[nodiscard]] Request reduce_scatter(const void* send, void* recv, std::size_t count_per_rank,
                                       DType dtype, Purpose purpose) override;
  void wait(Request& request) override;
  void poll() override {}

  void barrier() override;
  void max_over_ranks(std::span<double> values) override;
  void min_over_ranks(std::span<double> values) override;
  void sum_over_ranks(std::span<double> values) override;
  [[nodiscard]] std::string broadcast_bytes(std::string bytes, int root = 0) override;
  [[nodiscard]] std::vector<std::string> gather_bytes(std::string_view bytes) override;

  void set_context(std::string context) override { watchdog_.set_context(std::move(context)); }
  [[nodiscard]] const Counters& counters() const noexcept override { return counters_; }
  void reset_counters() noexcept override { counters_.reset(); }

 private:
  struct Handle {
    MPI_Comm comm = MPI_COMM_NULL;
    MPI_Op bf16_sum = MPI_OP_NULL;
    int rank = 0;
    int size = 1;
  };
  [[nodiscard]] MPI_Op sum_of(DType dtype) const;
  using Fold = double (*)(double, double);

  void duplicate(MPI_Comm parent);
  [[noreturn]] void fail(std::string_view operation, std::string_view reason) const;
  void check(int code, std::string_view operation) const;
  [[nodiscard]] int checked_count(std::size_t count, int blocks, std::string_view operation) const;
  void require_apart(const void* block, const void* whole, std::size_t block_bytes,
                     std::string_view operation) const;
  void fold_over_ranks(std::span<double> values, Fold fold, const char* operation);
  template <class Call>
  void control(const char* operation, const Call& call);
  template <class Call>
  Request counted(Operation operation, Purpose purpose, std::size_t message_bytes,
                  const Call& call);

  Watchdog watchdog_;  // first, since it watches the duplication, too
  Handle handle_;
  Counters counters_;
};

}  // namespace tidemark::comm
