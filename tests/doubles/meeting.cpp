// SPDX-License-Identifier: BSD-3-Clause
#include "doubles/meeting.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <thread>

#include <fmt/format.h>

#include "doubles/quiet.hpp"

namespace tidemark::doubles {

namespace {

int require(int code, const char* what) {
  if (code >= 0) return code;
  std::perror(what);
  std::abort();
}

std::string text_of(const Post& post, int rank) {
  constexpr std::array names{"all_reduce", "all_gather", "reduce_scatter", "exchange"};
  return fmt::format("rank {} posted {} of {} elements of type {}", rank,
                     names[static_cast<std::size_t>(post.kind)], post.count, post.type);
}

}  // namespace

std::string Meeting::make() {
  // It is open as long as this process lives, and gone with it, however the process ends.
  const int file = require(::memfd_create("tidemark-double", 0), "memfd_create");
  // Every counter starts at zero. Pages that nothing touches need no memory.
  require(::ftruncate(file, sizeof(Hall)), "ftruncate");
  return fmt::format("/proc/{}/fd/{}", ::getpid(), file);
}

Meeting::Meeting(const std::string& name, int rank, int ranks) : rank_(rank), ranks_(ranks) {
  const int file = require(::open(name.c_str(), O_RDWR), name.c_str());
  void* const mapped = ::mmap(nullptr, sizeof(Hall), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  ::close(file);
  require(mapped == MAP_FAILED ? -1 : 0, "mmap");
  hall_ = static_cast<Hall*>(mapped);
  hall_->present.fetch_add(1);
}

Meeting::~Meeting() { ::munmap(hall_, sizeof(Hall)); }

bool Meeting::is_complete() const { return hall_->present.load() == ranks_; }

const std::byte* Meeting::brought_by(int rank) const { return hall_->seats[rank].data; }

template <class Condition>
bool Meeting::wait_for(const Condition& condition, const std::atomic<bool>& gives_up) const {
  for (int rank = 0; rank < ranks_; ++rank) {
    while (!condition(hall_->seats[rank])) {
      if (gives_up.load(std::memory_order_relaxed)) return false;
      std::this_thread::sleep_for(std::chrono::microseconds(20));
    }
  }
  return true;
}

std::string Meeting::meet(const Post& post, const void* data, std::size_t bytes,
                          const std::function<void()>& take, const std::atomic<bool>& gives_up) {
  ++number_;
  Seat& own = hall_->seats[rank_];
  own.post = post;
  std::memcpy(own.data, data, bytes);
  own.posted.store(number_);
  if (!wait_for([this](const Seat& seat) { return seat.posted.load() >= number_; }, gives_up)) {
    return {};
  }
  const std::string wrong = differences(post);
  if (wrong.empty()) take();
  own.taken.store(number_);
  wait_for([this](const Seat& seat) { return seat.taken.load() >= number_; }, gives_up);
  return wrong;
}

/// NCCL would hang with these differences, or mix up the data.
std::string Meeting::differences(const Post& own) const {
  for (int rank = 0; rank < ranks_; ++rank) {
    const Post& other = hall_->seats[rank].post;
    if (other.kind != own.kind || other.type != own.type || other.count != own.count) {
      return fmt::format("{}, but {}", text_of(own, rank_), text_of(other, rank));
    }
  }
  for (int rank = 0; rank < ranks_; ++rank) {
    const Post& other = hall_->seats[rank].post;
    if (other.sends_registered != own.sends_registered ||
        other.receives_registered != own.receives_registered) {
      return fmt::format("the buffers of rank {} are registered, and those of rank {} are not all",
                         own.sends_registered && own.receives_registered ? rank_ : rank,
                         own.sends_registered && own.receives_registered ? rank : rank_);
    }
    if (other.offset != own.offset) {
      return fmt::format(
          "the buffer of rank {} lies {} bytes into its registered memory, but {} "
          "on rank {}",
          rank_, own.offset, other.offset, rank);
    }
  }
  if (own.from >= 0 && hall_->seats[own.from].post.to != rank_) {
    return fmt::format("rank {} waits for rank {}, which sends to rank {}", rank_, own.from,
                       hall_->seats[own.from].post.to);
  }
  return {};
}

}  // namespace tidemark::doubles
