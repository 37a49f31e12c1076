// The communicator of a rank on paper: it counts and moves nothing.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "comm/communicator.hpp"

namespace tidemark::comm {

/// Rank 0 of `size` ranks of which only this one exists. Collectives are counted as they would be,
/// taking no time, and touch no buffer; values stay as they are. Needs no MPI.
class PaperCommunicator final : public Communicator {
 public:
  explicit PaperCommunicator(int size) : size_(size) {}

  [[nodiscard]] int rank() const noexcept override { return 0; }
  [[nodiscard]] int size() const noexcept override { return size_; }
  [[nodiscard]] std::string_view name() const noexcept override { return "paper"; }

  [[nodiscard]] Request all_reduce(void*, std::size_t count, DType dtype,
                                   Purpose purpose) override {
    return count_call(Operation::all_reduce, count, 1, dtype, purpose);
  }
  [[nodiscard]] Request all_gather(const void*, void*, std::size_t count_per_rank, DType dtype,
                                   Purpose purpose) override {
    return count_call(Operation::all_gather, count_per_rank, size_, dtype, purpose);
  }
  [[nodiscard]] Request reduce_scatter(const void*, void*, std::size_t count_per_rank, DType dtype,
                                       Purpose purpose) override {
    return count_call(Operation::reduce_scatter, count_per_rank, size_, dtype, purpose);
  }
  [[nodiscard]] Request exchange(const void*, int, void*, int, std::size_t count, DType dtype,
                                 Purpose purpose) override {
    return count_call(Operation::send_recv, count, 1, dtype, purpose);
  }
  void wait(Request&) override {}
  void poll() override {}

  void barrier() override {}
  void max_over_ranks(std::span<double>) override {}
  void min_over_ranks(std::span<double>) override {}
  void sum_over_ranks(std::span<double>) override {}
  [[nodiscard]] std::string broadcast_bytes(std::string bytes, int = 0) override { return bytes; }
  [[nodiscard]] std::vector<std::string> gather_bytes(std::string_view bytes) override {
    return std::vector<std::string>(static_cast<std::size_t>(size_), std::string(bytes));
  }

  void set_context(std::string) override {}
  [[nodiscard]] const Counters& counters() const noexcept override { return counters_; }
  void reset_counters() noexcept override { counters_.reset(); }

 private:
  Request count_call(Operation operation, std::size_t count, int blocks, DType dtype,
                     Purpose purpose) {
    const std::size_t bytes = count * static_cast<std::size_t>(blocks) * size_of(dtype);
    counters_.add(operation, purpose, size_, static_cast<std::int64_t>(bytes), 0.0, 0.0);
    return {};
  }

  int size_;
  Counters counters_;
};

}  // namespace tidemark::comm
