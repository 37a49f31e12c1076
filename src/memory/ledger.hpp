// SPDX-License-Identifier: BSD-3-Clause
// The ledger: it has an entry for every activation of a step, from allocation to release. So the
// tide of live bytes is known at every moment.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "base/device.hpp"
#include "memory/pool.hpp"

namespace tidemark::memory {

/// The purpose of an activation.
enum class TensorClass {
  saved,       ///< held from its layer's forward until its backward
  recomputed,  ///< would be saved without recomputation; held within one direction of a layer
  transient,   ///< passes between two operations of one direction
  workspace,   ///< scratch space of one operation
};
inline constexpr std::array all_tensor_classes{TensorClass::saved, TensorClass::recomputed,
                                               TensorClass::transient, TensorClass::workspace};

std::string_view name_of(TensorClass tensor_class);

/// Layer index of tensors that belong to the stack as a whole.
inline constexpr int no_layer = -1;

/// One line of the ledger.
struct Entry {
  std::string_view name;  ///< a string literal: the ledger copies no names
  int layer = no_layer;
  TensorClass tensor_class = TensorClass::transient;
  std::size_t bytes = 0;
  bool from_forward = false;  ///< allocated before the turn from forward to backward
};

/// The memory use of one step.
struct Tide {
  std::size_t peak_bytes = 0;  ///< the highest sum of live bytes at any moment
  std::vector<Entry> at_peak;  ///< what was live then, in order of allocation
  std::vector<Entry> at_turn;  ///< what was live between forward and backward
  std::size_t live_bytes = 0;  ///< live now
  std::size_t tensors = 0;     ///< entries since the step began
};

/// Live bytes per class, in the order of all_tensor_classes, directly after one of them changed.
struct LiveBytes {
  double seconds = 0.0;  ///< since the account of the step began
  std::array<std::size_t, all_tensor_classes.size()> bytes{};
};

/// The tide of one step, change by change.
struct TideHistory {
  std::vector<LiveBytes> changes;
  std::size_t turn = 0;       ///< changes before the turn from forward to backward
  double turn_seconds = 0.0;  ///< time of the turn, on the clock of the changes
};

class Ledger;

/// Owner of one activation: rows x columns, row-major, contiguous, initially not initialised.
/// Movable. Its destruction removes it from the ledger and returns its memory to the pool.
template <class T>
class Tensor {
 public:
  Tensor() = default;
  Tensor(Tensor&& other) noexcept { swap(other); }
  Tensor& operator=(Tensor&& other) noexcept {
    Tensor(std::move(other)).swap(*this);
    return *this;
  }
  ~Tensor() { reset(); }

  void reset();
  [[nodiscard]] bool empty() const { return ledger_ == nullptr; }
  [[nodiscard]] const Matrix<T>& view() const { return view_; }
  [[nodiscard]] T* data() const { return view_.data(); }
  [[nodiscard]] std::size_t size() const { return view_.extent(0) * view_.extent(1); }

 private:
  friend class Ledger;
  Tensor(Ledger& ledger, std::size_t slot, Matrix<T> view)
      : ledger_(&ledger), slot_(slot), view_(view) {}
  void swap(Tensor& other) noexcept {
    std::swap(ledger_, other.ledger_);
    std::swap(slot_, other.slot_);
    std::swap(view_, other.view_);
  }

  Ledger* ledger_ = nullptr;
  std::size_t slot_ = 0;
  Matrix<T> view_;
};

/// The account of all live activations of one rank. It must outlive its tensors.
class Ledger {
 public:
  explicit Ledger(Pool& pool) : pool_(pool) {}
  Ledger(const Ledger&) = delete;
  Ledger& operator=(const Ledger&) = delete;

  /// Allocates an activation of `rows` x `columns` elements. `name` must be a string literal.
  /// Throws RunError if the device has no memory left.
  template <class T>
  [[nodiscard]] Tensor<T> tensor(std::string_view name, int layer, TensorClass tensor_class,
                                 std::int64_t rows, std::int64_t columns) {
    const auto bytes = static_cast<std::size_t>(rows * columns) * sizeof(T);
    void* memory = pool_.acquire(bytes);
    const std::size_t slot = enter({name, layer, tensor_class, bytes, !turned_}, memory);
    return Tensor<T>(*this, slot,
                     Matrix<T>(static_cast<T*>(memory), static_cast<std::size_t>(rows),
                               static_cast<std::size_t>(columns)));
  }

  /// Starts the account of a new step. No activation may be live; otherwise it throws RunError that
  /// names one.
  void begin_step();
  /// Notes what is live at the turn from forward to backward.
  void mark_turn();
  /// Ends the account. No activation may be live; otherwise it throws RunError that names one.
  const Tide& end_step();

  [[nodiscard]] const Tide& tide() const;
  /// The account of this step so far, or of the last step, as a series.
  [[nodiscard]] TideHistory history() const;
  /// When the account began.
  [[nodiscard]] std::chrono::steady_clock::time_point start() const { return start_; }
  [[nodiscard]] std::size_t pool_bytes() const { return pool_.held_bytes(); }
  /// Calls `show` for each block that is held for activations and that no activation uses.
  void for_each_free(const std::function<void(void* block, std::size_t bytes)>& show) const {
    pool_.for_each_free(show);
  }

 private:
  template <class T>
  friend class Tensor;
  using Clock = std::chrono::steady_clock;
  /// An activation of this step, live or released.
  struct Life {
    Entry entry;
    void* memory = nullptr;
    std::uint64_t birth = 0;
    std::uint64_t death = still_alive;
    Clock::time_point born = {};
    Clock::time_point died = {};
  };
  static constexpr std::uint64_t still_alive = ~std::uint64_t{0};

  std::size_t enter(const Entry& entry, void* memory);
  void strike_out(std::size_t slot);
  [[nodiscard]] std::vector<Entry> live_at(std::uint64_t moment) const;
  void require_empty(std::string_view moment) const;

  Pool& pool_;
  /// All activations since the step began, in order of allocation. Keeps its capacity between
  /// steps.
  std::vector<Life> lives_;
  std::uint64_t clock_ = 0;  ///< counts allocations and releases
  std::uint64_t peak_moment_ = 0;
  std::uint64_t turn_moment_ = 0;
  Clock::time_point start_ = Clock::now();
  Clock::time_point turn_ = start_;
  bool turned_ = false;
  mutable Tide tide_;  ///< at_peak is computed on request
};

template <class T>
void Tensor<T>::reset() {
  if (ledger_ != nullptr) {
    ledger_->strike_out(slot_);
    ledger_ = nullptr;
    view_ = Matrix<T>();
  }
}

}  // namespace tidemark::memory
