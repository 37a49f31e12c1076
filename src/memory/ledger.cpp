// SPDX-License-Identifier: BSD-3-Clause
#include "memory/ledger.hpp"

#include <fmt/format.h>

#include "base/error.hpp"

namespace tidemark::memory {

std::string_view name_of(TensorClass tensor_class) {
  switch (tensor_class) {
    case TensorClass::saved:
      return "saved";
    case TensorClass::recomputed:
      return "recomputed";
    case TensorClass::transient:
      return "transient";
    case TensorClass::workspace:
      return "workspace";
  }
  return "unknown";
}

void Ledger::begin_step() {
  require_empty("before the step");
  lives_.clear();
  tide_ = Tide{};
  clock_ = 0;
  peak_moment_ = 0;
  turn_moment_ = 0;
  start_ = Clock::now();
  turn_ = start_;
  turned_ = false;
}

void Ledger::mark_turn() {
  turn_ = Clock::now();
  tide_.at_turn = live_at(clock_);
  turn_moment_ = clock_;
  turned_ = true;
}

const Tide& Ledger::end_step() {
  require_empty("after the step");
  return tide();
}

// A step raises its peak hundreds of times. The list of live activations is computed here, once,
// for the last peak.
const Tide& Ledger::tide() const {
  tide_.at_peak = live_at(peak_moment_);
  return tide_;
}

// Each tick of the clock is the allocation or the release of one activation.
TideHistory Ledger::history() const {
  struct Change {
    Clock::time_point time;
    std::size_t place;
    std::size_t bytes;
    bool is_birth;
  };
  std::vector<Change> moments(clock_);
  for (const Life& life : lives_) {
    const auto place = static_cast<std::size_t>(life.entry.tensor_class);
    moments[life.birth - 1] = {life.born, place, life.entry.bytes, true};
    if (life.death != still_alive) {
      moments[life.death - 1] = {life.died, place, life.entry.bytes, false};
    }
  }
  TideHistory history;
  history.turn = turn_moment_;
  history.turn_seconds = std::chrono::duration<double>(turn_ - start_).count();
  LiveBytes live;
  for (const Change& change : moments) {
    live.seconds = std::chrono::duration<double>(change.time - start_).count();
    std::size_t& bytes = live.bytes[change.place];
    bytes = change.is_birth ? bytes + change.bytes : bytes - change.bytes;
    history.changes.push_back(live);
  }
  return history;
}

std::size_t Ledger::enter(const Entry& entry, void* memory) {
  lives_.push_back({entry, memory, ++clock_, still_alive, Clock::now(), {}});
  ++tide_.tensors;
  tide_.live_bytes += entry.bytes;
  if (tide_.live_bytes > tide_.peak_bytes) {
    tide_.peak_bytes = tide_.live_bytes;
    peak_moment_ = clock_;
  }
  return lives_.size() - 1;
}

void Ledger::strike_out(std::size_t slot) {
  Life& life = lives_[slot];
  pool_.release(life.memory);
  tide_.live_bytes -= life.entry.bytes;
  life.death = ++clock_;
  life.died = Clock::now();
}

std::vector<Entry> Ledger::live_at(std::uint64_t moment) const {
  std::vector<Entry> entries;
  for (const Life& life : lives_) {
    if (life.birth <= moment && moment < life.death) {
      entries.push_back(life.entry);
    }
  }
  return entries;
}

void Ledger::require_empty(std::string_view moment) const {
  const std::vector<Entry> live = live_at(clock_);
  if (!live.empty()) {
    throw RunError(fmt::format("{} activations are live {}, first '{}' of layer {}", live.size(),
                               moment, live.front().name, live.front().layer));
  }
}

}  // namespace tidemark::memory
