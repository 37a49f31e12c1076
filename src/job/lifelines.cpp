// SPDX-License-Identifier: BSD-3-Clause
#include "job/lifelines.hpp"

#include <pthread.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <new>
#include <thread>

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/interruption.hpp"
#include "base/last_words.hpp"
#include "job/watchdog.hpp"

namespace tidemark::job {

namespace {

constexpr std::chrono::seconds grace{2};

/// The start of the shared memory, before the locks.
struct Board {
  std::atomic<bool> has_spoken;  ///< a rank has written why the job ends
};
static_assert(std::atomic<bool>::is_always_lock_free);

/// The slot of one rank.
struct Slot {
  pthread_mutex_t lock;
  Lifelines::Peer peer;  ///< process 0 until it has taken the lock
};

constexpr std::size_t line_bytes = 64;  // so that slots do not share a cache line
static_assert(sizeof(Board) <= line_bytes && sizeof(Slot) <= line_bytes);

Board& board_of(void* memory) { return *static_cast<Board*>(memory); }

Slot& slot_of(void* memory, std::size_t index) {
  std::byte* const start = static_cast<std::byte*>(memory) + (index + 1) * line_bytes;
  return *reinterpret_cast<Slot*>(start);
}

}  // namespace

std::size_t Lifelines::bytes_for(std::size_t ranks) noexcept { return (ranks + 1) * line_bytes; }

void Lifelines::prepare(void* memory, std::size_t ranks) {
  new (memory) Board{};
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
  pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
  for (std::size_t i = 0; i < ranks; ++i) {
    Slot* const slot = new (&slot_of(memory, i)) Slot{};
    pthread_mutex_init(&slot->lock, &attributes);
  }
  pthread_mutexattr_destroy(&attributes);
}

Lifelines::Lifelines(void* memory, std::size_t ranks, std::size_t own, const Peer& self)
    : memory_(memory), ranks_(ranks), own_(own) {
  Slot& slot = slot_of(memory_, own_);
  TIDEMARK_REQUIRE(pthread_mutex_lock(&slot.lock) == 0, "the lock must be free");
  slot.peer = self;
  share_last_words(board_of(memory_).has_spoken);
}

Lifelines::~Lifelines() { pthread_mutex_unlock(&slot_of(memory_, own_).lock); }

bool Lifelines::is_complete() const {
  for (std::size_t i = 0; i < ranks_; ++i) {
    if (slot_of(memory_, i).peer.pid == 0) return false;
  }
  return true;
}

void Lifelines::watch(const std::string& host, const OnLoss& on_loss) const {
  const auto wait_for = [&](std::size_t index) {
    Slot& slot = slot_of(memory_, index);
    const std::string line =
        fmt::format("rank {} (process {} on {}) has ended without saying why: killed, or crashed",
                    slot.peer.rank, slot.peer.pid, host);
    std::thread([line, on_loss, lock = &slot.lock, &board = board_of(memory_)] {
      const int code = pthread_mutex_lock(lock);
      if (code == EOWNERDEAD && !board.has_spoken.exchange(true)) on_loss(line);
      // On an orderly end, this thread keeps the lock, which is not needed any more.
    }).detach();
  };
  if (own_ + 1 < ranks_) wait_for(own_ + 1);
  if (own_ == 1) wait_for(0);
}

void end_after_loss(const std::string& line) {
  // A launcher that ends the job sends a signal first. Then no line is needed for ranks that it
  // kills.
  if (Interruption::signal_number() != 0) return;
  write_line(line);
  std::this_thread::sleep_for(grace);
  end_process();
}

}  // namespace tidemark::job
