// SPDX-License-Identifier: BSD-3-Clause
// The pending calls of a wrapper, by ticket.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>

#include "base/error.hpp"
#include "comm/communicator.hpp"

namespace tidemark::comm {

/// What a wrapper keeps of each call, from posting until it is waited for. Entries are in the order
/// of posting.
template <class Entry>
class PendingTable {
 public:
  /// Keeps the entry and returns the request of `owner` for it.
  [[nodiscard]] Request add(Communicator& owner, Entry entry) {
    entries_.emplace(++last_ticket_, std::move(entry));
    return {owner, last_ticket_};
  }
  /// The entry of a pending request. Throws BrokenInvariant if the request is not one of `owner`.
  [[nodiscard]] Entry& at(const Request& request, const Communicator& owner) {
    TIDEMARK_REQUIRE(request.owner() == &owner, "a request of another communicator");
    const auto found = entries_.find(request.ticket());
    TIDEMARK_REQUIRE(found != entries_.end(), "the call is not pending");
    return found->second;
  }
  /// Removes the entry and completes its request.
  void complete(Request& request) {
    entries_.erase(request.ticket());
    request.mark_complete();
  }

  [[nodiscard]] bool empty() const { return entries_.empty(); }
  [[nodiscard]] std::size_t size() const { return entries_.size(); }
  /// The entry that was posted first; the table is not empty.
  [[nodiscard]] const Entry& first() const { return entries_.begin()->second; }
  /// Removes the entry that was posted first and returns it; the table is not empty.
  [[nodiscard]] Entry take_first() {
    return std::move(entries_.extract(entries_.begin()).mapped());
  }
  void clear() { entries_.clear(); }

 private:
  std::uint64_t last_ticket_ = 0;
  std::map<std::uint64_t, Entry> entries_;
};

}  // namespace tidemark::comm
