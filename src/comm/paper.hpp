// The communicator of a rank on paper: it counts and moves nothing.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "comm/communicator.hpp"
#include "comm/scratch_pool.hpp"

namespace tidemark::comm {

/// Rank 0 of `size` ranks of which only this one exists. Collectives are counted as they would be,
/// taking no time, and touch no buffer; values stay as they are. Needs no MPI.
///
/// Follows what own algorithms need of scratch memory, from posting to waiting, as MpiCommunicator
/// does with default options, and holds none of it.
class PaperCommunicator final : public Communicator {
 public:
  /// `algorithms`: of which a call may take any. Where there are several, it is counted with the
  /// most scratch memory that one of them uses.
  explicit PaperCommunicator(int size, std::vector<Algorithm> algorithms = {})
      : size_(size), algorithms_(std::move(algorithms)) {}

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
  void set_overlapping(bool overlapping) override { overlapping_ = overlapping; }
  void wait(Request& request) override {
    if (!request.pending()) return;
    const auto block = under_way_.find(request.ticket());
    scratch_.give_back(std::move(block->second));
    under_way_.erase(block);
    request.mark_complete();
  }
  void poll() override {}
  /// What a run holds from its second step on.
  [[nodiscard]] std::int64_t scratch_bytes() const override { return scratch_.needed_bytes(); }
  void release_scratch() override { scratch_.forget(); }

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
    const std::size_t segment = segment_of(default_segment_bytes, overlapping_, dtype);
    std::size_t scratch = 0;
    for (const Algorithm algorithm : algorithms_) {
      scratch = std::max(scratch, scratch_of(operation, algorithm, size_, count, segment));
    }
    if (scratch == 0) return {};
    under_way_.emplace(++tickets_, scratch_.take(scratch * size_of(dtype)));
    return {*this, tickets_};
  }

  /// Not null, and never touched.
  static void* nowhere(std::size_t) {
    static std::byte place{};
    return &place;
  }
  static void leave(void*) noexcept {}

  int size_;
  std::vector<Algorithm> algorithms_;
  bool overlapping_ = false;
  Counters counters_;
  ScratchPool scratch_{{nowhere, leave}};
  std::map<std::uint64_t, MemoryBlock> under_way_;  ///< by ticket
  std::uint64_t tickets_ = 0;
};

}  // namespace tidemark::comm
