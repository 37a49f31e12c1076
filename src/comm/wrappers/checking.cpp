#include "comm/wrappers/checking.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "base/error.hpp"
#include "comm/buffers.hpp"

namespace tidemark::comm {

namespace {

const std::byte* at(const void* buffer, std::size_t elements, DType dtype) {
  return static_cast<const std::byte*>(buffer) + elements * size_of(dtype);
}

double unit_roundoff(DType dtype) {
  return dtype == DType::fp64 ? 0x1p-53 : dtype == DType::fp32 ? 0x1p-24 : 0x1p-8;
}

/// gamma_n: what n roundings in a row can add up to, relative.
double gamma_of(int roundings, double unit) {
  const double nu = roundings * unit;
  return nu < 1.0 ? nu / (1.0 - nu) : std::numeric_limits<double>::infinity();
}

/// splitmix64 (Steele, Lea, Flood, OOPSLA'14).
std::uint64_t next_random(std::uint64_t& state) {
  std::uint64_t z = (state += 0x9e3779b97f4a7c15ULL);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

/// Of the pieces in which contributions are gathered: as FNV-1a, but by words of 64 bits, each
/// followed by a shift that brings its high bits into play. The last word is filled up with zeros.
std::uint64_t digest_of_text(std::string_view text) {
  std::uint64_t digest = 0xcbf29ce484222325ULL ^ text.size();
  for (std::size_t at = 0; at < text.size(); at += sizeof(std::uint64_t)) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data() + at, std::min(sizeof word, text.size() - at));
    digest = (digest ^ word) * 0x100000001b3ULL;
    digest ^= digest >> 32;
  }
  return digest;
}

constexpr std::size_t digest_bytes = sizeof(std::uint64_t);

bool is_sum(Operation operation) {
  return operation == Operation::all_reduce || operation == Operation::reduce_scatter;
}

template <class Item>
void append(std::string& text, const Item& item) {
  text.append(reinterpret_cast<const char*>(&item), sizeof item);
}

/// Items of one type that follow each other in a text.
template <class Item>
std::vector<Item> items_of(std::string_view text) {
  std::vector<Item> items(text.size() / sizeof(Item));
  if (!items.empty()) std::memcpy(items.data(), text.data(), items.size() * sizeof(Item));
  return items;
}

}  // namespace

/// Before the call is posted: takes digests of what is sent, keeps what a call in place overwrites,
/// and fills buffers that receive with NaN.
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
  const std::uint64_t ticket = call.number + 1;
  pending_.emplace(ticket, std::move(call));
  return {*this, ticket};
}

std::uint64_t CheckingCommunicator::digest(const Pending& call, const void* buffer,
                                           std::size_t first, std::size_t count) const {
  return count == 0 ? 0 : on_.digest(call.dtype, at(buffer, first, call.dtype), count);
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
  TIDEMARK_REQUIRE(request.owner() == this, "a request of another communicator");
  const auto found = pending_.find(request.ticket());
  TIDEMARK_REQUIRE(found != pending_.end(), "the call is not pending");
  request.mark_complete();
  Pending call = std::move(found->second);
  pending_.erase(found);
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

/// The elements of the whole sum that a rank answers for.
CheckingCommunicator::Stretch CheckingCommunicator::block_of_rank(const Pending& call,
                                                                  int rank) const {
  const auto r = static_cast<std::size_t>(rank);
  if (call.operation == Operation::reduce_scatter) return {r * call.count, call.count};
  const auto ranks = static_cast<std::size_t>(size());
  const std::size_t first = call.count / ranks * r + std::min(r, call.count % ranks);
  return {first, call.count / ranks + (r < call.count % ranks ? 1 : 0)};
}

/// All pieces of a block, or those that were drawn; the same on all ranks for blocks of one length.
std::vector<CheckingCommunicator::Stretch> CheckingCommunicator::pieces_of(
    std::size_t block, std::size_t element_bytes) {
  const std::size_t length = piece_bytes / element_bytes;
  const std::size_t count = (block + length - 1) / length;
  std::vector<Stretch> pieces;
  for (std::size_t left = count, i = 0; i < count; ++i, --left) {
    const std::size_t wanted = std::min(count, most_pieces_) - pieces.size();
    if (wanted < left && next_random(random_) % left >= wanted) continue;
    pieces.push_back({i * length, std::min(length, block - i * length)});
  }
  return pieces;
}

/// What this rank adds to a piece of the block of `rank`, with a digest in front.
std::string CheckingCommunicator::contribution_to(const Pending& call, int rank,
                                                  const Stretch& piece) {
  const Stretch block = block_of_rank(call, rank);
  const std::size_t begin = std::min(piece.first, block.count);
  const std::size_t bytes = std::min(piece.count, block.count - begin) * size_of(call.dtype);
  std::string text(digest_bytes + bytes, '\0');
  char* const data = text.data() + digest_bytes;
  if (bytes > 0 && !call.own.empty()) {
    std::memcpy(data, at(call.own.data(), block.first + begin, call.dtype), bytes);
  } else if (bytes > 0) {
    on_.to_host(data, at(call.send, block.first + begin, call.dtype), bytes);
  }
  const std::uint64_t digest = digest_of_text({data, bytes});
  std::memcpy(text.data(), &digest, digest_bytes);
  return text;
}

void CheckingCommunicator::add_contribution(const Pending& call, const std::string& text,
                                            std::size_t count, std::vector<double>& sums,
                                            std::vector<double>& magnitudes) {
  const std::string_view data = std::string_view(text).substr(digest_bytes);
  std::uint64_t digest = 0;
  std::memcpy(&digest, text.data(), digest_bytes);
  if (digest != digest_of_text(data) || data.size() < count * size_of(call.dtype)) {
    note_error(call, HUGE_VAL, "a contribution to the second sum did not arrive as it was sent");
    return;
  }
  with_scalar_of(call.dtype, [&](auto scalar) {
    using T = decltype(scalar);
    for (std::size_t i = 0; i < count; ++i) {
      T bits;
      std::memcpy(&bits, data.data() + i * sizeof(T), sizeof(T));
      const auto term = static_cast<double>(bits);
      sums[i] += term;
      magnitudes[i] += std::abs(term);
    }
  });
}

void CheckingCommunicator::check_sum(const Pending& call) {
  const bool reduces_all = call.operation == Operation::all_reduce;
  // Blocks of an all-reduce differ by one element at most; the first is the longest.
  compare_block(call, pieces_of(block_of_rank(call, 0).count, size_of(call.dtype)));
  own_.summed += static_cast<std::int64_t>(block_of_rank(call, rank()).count);
  if (!reduces_all) return;
  for (int block = 0; block < size(); ++block) {
    const Stretch whole = block_of_rank(call, block);
    const std::uint64_t bits = digest(call, call.recv, whole.first, whole.count);
    received_.push_back({call.number, block, bits});
    if (block == rank()) sent_.push_back({call.number, everyone, bits});
  }
}

/// In round d every rank shows what it adds to the block of the rank d places on.
void CheckingCommunicator::compare_block(const Pending& call, const std::vector<Stretch>& pieces) {
  const std::size_t own_length = block_of_rank(call, rank()).count;
  for (const Stretch& piece : pieces) {
    const std::size_t begin = std::min(piece.first, own_length);
    const Stretch here{begin, std::min(piece.count, own_length - begin)};
    std::vector<double> sums(here.count, 0.0);
    std::vector<double> magnitudes(here.count, 0.0);
    add_contribution(call, contribution_to(call, rank(), piece), here.count, sums, magnitudes);
    for (int distance = 1; distance < size(); ++distance) {
      const int to = (rank() + distance) % size();
      const auto shown = inner_.gather_bytes(contribution_to(call, to, piece));
      const int from = (rank() - distance + size()) % size();
      add_contribution(call, shown[static_cast<std::size_t>(from)], here.count, sums, magnitudes);
    }
    compare_piece(call, sums, magnitudes, here);
  }
}

void CheckingCommunicator::compare_piece(const Pending& call, std::span<const double> sums,
                                         std::span<const double> magnitudes, const Stretch& piece) {
  if (piece.count == 0) return;
  const bool reduces_all = call.operation == Operation::all_reduce;
  const std::size_t first = piece.first + (reduces_all ? block_of_rank(call, rank()).first : 0);
  std::string data(piece.count * size_of(call.dtype), '\0');
  on_.to_host(data.data(), at(call.recv, first, call.dtype), data.size());
  // The second sum is rounded, too; and sums that underflow may have been taken for zero.
  const double relative = gamma_of(size() - 1, unit_roundoff(call.dtype)) +
                          gamma_of(size(), unit_roundoff(DType::fp64));
  const double smallest = static_cast<double>(std::numeric_limits<float>::min()) * size();
  double worst = 0.0;
  with_scalar_of(call.dtype, [&](auto scalar) {
    const auto results = items_of<decltype(scalar)>(data);
    for (std::size_t i = 0; i < piece.count; ++i) {
      const double error = std::abs(static_cast<double>(results[i]) - sums[i]);
      const double ratio = error / (relative * magnitudes[i] + smallest);
      worst = std::max(worst, std::isfinite(ratio) ? ratio : HUGE_VAL);
    }
  });
  own_.compared += static_cast<std::int64_t>(piece.count);
  if (worst > own_.worst_sum) note_error(call, worst, fmt::format("block of rank {}", rank()));
}

void CheckingCommunicator::note_error(const Pending& call, double ratio, const std::string& what) {
  if (ratio <= own_.worst_sum) return;
  own_.worst_sum = ratio;
  own_.worst_call = fmt::format("{}: {}", name_of_call(call.number), what);
}

std::string CheckingCommunicator::name_of_call(std::uint64_t number) const {
  return number < names_.size() ? names_[number] : "a call that this rank did not make";
}

/// Every part that this rank received, against what its sender noted of it.
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

/// From one rank's findings to those of all.
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
  CommunicationFindings findings = std::exchange(own_, {});
  findings.never_waited = static_cast<std::int64_t>(pending_.size());
  if (!pending_.empty()) {
    findings.first_never_waited =
        fmt::format("{} on rank {}", name_of_call(pending_.begin()->second.number), rank());
  }
  pending_.clear();  // waits for them
  compare_notes(findings);
  share(findings);
  return findings;
}

}  // namespace tidemark::comm
