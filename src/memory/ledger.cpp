#include "memory/ledger.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/error.hpp"

namespace tidemark::memory {

std::string_view name_of(TensorClass tensor_class) {
  switch (tensor_class) {
    case TensorClass::saved:
      return "saved";
    case TensorClass::transient:
      return "transient";
    case TensorClass::workspace:
      return "workspace";
  }
  return "unknown";
}

void Ledger::begin_step() {
  require_empty("before the step");
  tide_ = Tide{};
  turned_ = false;
}

void Ledger::mark_turn() {
  tide_.at_turn = live_entries();
  turned_ = true;
}

const Tide& Ledger::end_step() {
  require_empty("after the step");
  return tide_;
}

std::size_t Ledger::enter(const Entry& entry, void* memory) {
  if (free_slots_.empty()) {
    free_slots_.push_back(slots_.size());
    slots_.emplace_back();
  }
  const std::size_t slot = free_slots_.back();
  free_slots_.pop_back();
  slots_[slot] = {entry, memory, births_++, true};
  ++tide_.tensors;
  tide_.live_bytes += entry.bytes;
  if (tide_.live_bytes > tide_.peak_bytes) {
    tide_.peak_bytes = tide_.live_bytes;
    tide_.at_peak = live_entries();
  }
  return slot;
}

void Ledger::strike_out(std::size_t slot) {
  Slot& dead = slots_[slot];
  pool_.release(dead.memory);
  tide_.live_bytes -= dead.entry.bytes;
  dead.live = false;
  free_slots_.push_back(slot);
}

std::vector<Entry> Ledger::live_entries() const {
  std::vector<const Slot*> live;
  for (const Slot& slot : slots_) {
    if (slot.live) {
      live.push_back(&slot);
    }
  }
  std::sort(live.begin(), live.end(),
            [](const Slot* a, const Slot* b) { return a->birth < b->birth; });
  std::vector<Entry> entries;
  entries.reserve(live.size());
  for (const Slot* slot : live) {
    entries.push_back(slot->entry);
  }
  return entries;
}

void Ledger::require_empty(std::string_view moment) const {
  const std::vector<Entry> live = live_entries();
  if (!live.empty()) {
    throw RunError(fmt::format("{} activations are live {}, first '{}' of layer {}", live.size(), moment,
                               live.front().name, live.front().layer));
  }
}

}  // namespace tidemark::memory
