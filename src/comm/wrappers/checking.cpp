// SPDX-License-Identifier: BSD-3-Clause
#include "comm/wrappers/checking.hpp"

#include <array>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "base/error.hpp"
#include "comm/buffers.hpp"

namespace tidemark::comm {

namespace {

bool is_sum(Operation operation) {
  return operation == Operation::all_reduce || operation == Operation::reduce_scatter;
}

template <class Item>
void append(std::string& text, const Item& item) {
  text.append(reinterpret_cast<const char*>(&item), sizeof item);
}

/// Reads items of one type that are stored one after the other in a text.
template <class Item>
std::vector<Item> items_of(std::string_view text) {
  std::vector<Item> items(text.size() / sizeof(Item));
  if (!items.empty()) std::memcpy(items.data(), text.data(), items.size() * sizeof(Item));
  return items;
}

}  // namespace

/// Runs before the call is posted. Takes digests of the data to send, copies data that a call in
/// place overwrites, and fills receive buffers with NaN.
CheckingCommunicator::Pending CheckingCommunicator::begin(const Call& call) {
  Pending pending{call, {}, names_.size(), {}};
  names_.push_back(fmt::format("{} ({}) of {} x {}, call {} of the step", name_of(call.operation),
                               name_of(call.purpose), call.count, name_of(call.dtype),
                               names_.size() + 1));
  const std::size_t bytes = call.block_bytes();
  switch (call.operation) {
    case Operation::all_reduce:
      keep_contribution(pending, call.recv, bytes);
      break;
    case Operation::all_gather:
      sent_.push_back({pending.number, everyone, digest(pending, call.send, 0, call.count)});
      for (int block = 0; block < size() && bytes > 0; ++block) {
        auto* const place = const_cast<void*>(block_of(call.recv, bytes, block));
        if (place != call.send) on_.fill_with_nan(place, bytes);
      }
      break;
    case Operation::reduce_scatter:
      if (!are_apart(call.recv, call.send, bytes, size())) {
        keep_contribution(pending, call.send, call.message_bytes(size()));
      } else if (bytes > 0) {
        on_.fill_with_nan(call.recv, bytes);
      }
      break;
    case Operation::send_recv:
      sent_.push_back({pending.number, call.to, digest(pending, call.send, 0, call.count)});
      if (bytes > 0) on_.fill_with_nan(call.recv, bytes);
      break;
  }
  return pending;
}

void CheckingCommunicator::keep_contribution(Pending& call, const void* buffer, std::size_t bytes) {
  call.own.resize(bytes);
  if (bytes > 0) on_.to_host(call.own.data(), buffer, bytes);
}

Request CheckingCommunicator::enter(Pending call, Request request) {
  call.request = std::move(request);
  return pending_.add(*this, std::move(call));
}

std::uint64_t CheckingCommunicator::digest(const Pending& call, const void* buffer,
                                           std::size_t first, std::size_t count) const {
  return count == 0 ? 0 : on_.digest(call.dtype, element_at(buffer, first, call.dtype), count);
}

Request CheckingCommunicator::post(const Call& call) {
  Pending pending = begin(call);
  return enter(std::move(pending), inner_.post(call));
}

std::vector<Request> CheckingCommunicator::post_together(std::span<const Call> exchanges) {
  std::vector<Pending> calls;
  for (const Call& call : exchanges) calls.push_back(begin(call));
  std::vector<Request> inner = inner_.post_together(exchanges);
  std::vector<Request> requests;
  for (std::size_t i = 0; i < calls.size(); ++i) {
    requests.push_back(enter(std::move(calls[i]), std::move(inner[i])));
  }
  return requests;
}

void CheckingCommunicator::wait(Request& request) {
  if (!request.pending()) return;
  Pending call = std::move(pending_.at(request, *this));
  pending_.complete(request);
  inner_.wait(call.request);
  inner_.fence();
  if (is_sum(call.operation)) {
    check_sum(call);
  } else {
    note_received(call);
  }
}

void CheckingCommunicator::note_received(const Pending& call) {
  if (call.operation == Operation::send_recv) {
    received_.push_back({call.number, call.from, digest(call, call.recv, 0, call.count)});
    return;
  }
  for (int block = 0; block < size(); ++block) {
    const std::size_t first = static_cast<std::size_t>(block) * call.count;
    received_.push_back({call.number, block, digest(call, call.recv, first, call.count)});
  }
}

void CheckingCommunicator::check_sum(const Pending& call) {
  sums_.compare(call, call.own, name_of_call(call.number));
  if (call.operation != Operation::all_reduce) return;
  for (int block = 0; block < size(); ++block) {
    const Stretch whole = SecondSum::block_of_rank(call, block, size());
    const std::uint64_t bits = digest(call, call.recv, whole.first, whole.count);
    received_.push_back({call.number, block, bits});
    if (block == rank()) sent_.push_back({call.number, everyone, bits});
  }
}

std::string CheckingCommunicator::name_of_call(std::uint64_t number) const {
  return number < names_.size() ? names_[number] : "a call that this rank did not make";
}

/// Compares every part that this rank received with the digest that its sender noted.
void CheckingCommunicator::compare_notes(CommunicationFindings& findings) {
  std::string own;
  for (const Note& note : sent_) append(own, note);
  std::vector<std::map<std::uint64_t, Note>> sent;
  for (const std::string& text : inner_.gather_bytes(own)) {
    sent.emplace_back();
    for (const Note& note : items_of<Note>(text)) sent.back().emplace(note.number, note);
  }
  for (const Note& note : received_) {
    const auto& from_sender = sent[static_cast<std::size_t>(note.peer)];
    const auto match = from_sender.find(note.number);
    const bool is_for_us = match != from_sender.end() &&
                           (match->second.peer == everyone || match->second.peer == rank());
    ++findings.parts;
    if (is_for_us && match->second.digest == note.digest) continue;
    if (findings.parts_differ++ == 0) {
      findings.first_part = fmt::format("{}: the part of rank {} on rank {}",
                                        name_of_call(note.number), note.peer, rank());
    }
  }
}

/// Combines the findings of all ranks.
void CheckingCommunicator::share(CommunicationFindings& findings) {
  std::array<double, 5> totals{
      static_cast<double>(findings.parts), static_cast<double>(findings.parts_differ),
      static_cast<double>(findings.summed), static_cast<double>(findings.compared),
      static_cast<double>(findings.never_waited)};
  inner_.sum_over_ranks(totals);
  std::array<double, 1> worst{findings.worst_sum};
  inner_.max_over_ranks(worst);
  const auto first_of = [&](const std::string& own) {
    for (std::string& words : inner_.gather_bytes(own)) {
      if (!words.empty()) return words;
    }
    return std::string();
  };
  findings.first_part = first_of(findings.first_part);
  findings.first_never_waited = first_of(findings.first_never_waited);
  findings.worst_call = first_of(findings.worst_sum == worst[0] ? findings.worst_call : "");
  findings.parts = static_cast<std::int64_t>(totals[0]);
  findings.parts_differ = static_cast<std::int64_t>(totals[1]);
  findings.summed = static_cast<std::int64_t>(totals[2]);
  findings.compared = static_cast<std::int64_t>(totals[3]);
  findings.never_waited = static_cast<std::int64_t>(totals[4]);
  findings.worst_sum = worst[0];
}

CommunicationFindings CheckingCommunicator::finish() {
  CommunicationFindings findings;
  findings.worst_sum = sums_.findings().worst;
  findings.worst_call = sums_.findings().where;
  findings.summed = sums_.findings().summed;
  findings.compared = sums_.findings().compared;
  findings.never_waited = static_cast<std::int64_t>(pending_.size());
  if (!pending_.empty()) {
    findings.first_never_waited =
        fmt::format("{} on rank {}", name_of_call(pending_.first().number), rank());
  }
  pending_.clear();  // this waits for them
  compare_notes(findings);
  share(findings);
  return findings;
}

}  // namespace tidemark::comm
