#include "comm/lifelines.hpp"

#include <fmt/format.h>
#include <pthread.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <new>
#include <thread>
#include <utility>

#include "base/error.hpp"
#include "base/last_words.hpp"
#include "comm/watchdog.hpp"

namespace tidemark::comm {

namespace {

constexpr std::chrono::seconds grace{2};

/// What lies in the shared memory, in front of the locks.
struct Board {
  std::atomic<bool> has_spoken;  ///< a rank has said why the job ends
};
static_assert(std::atomic<bool>::is_always_lock_free);

constexpr std::size_t line_bytes = 64;  // so that locks do not share a line of the cache
static_assert(sizeof(Board) <= line_bytes && sizeof(pthread_mutex_t) <= line_bytes);

Board& board_of(void* memory) { return *static_cast<Board*>(memory); }

pthread_mutex_t* lock_of(void* memory, std::size_t index) {
  std::byte* const start = static_cast<std::byte*>(memory) + (index + 1) * line_bytes;
  return reinterpret_cast<pthread_mutex_t*>(start);
}

}  // namespace

std::size_t Lifelines::bytes_for(std::size_t ranks) noexcept { return (ranks + 1) * line_bytes; }

void Lifelines::prepare(void* memory, std::size_t ranks) {
  new (memory) Board{};
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
  pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
  for (std::size_t i = 0; i < ranks; ++i) pthread_mutex_init(lock_of(memory, i), &attributes);
  pthread_mutexattr_destroy(&attributes);
}

Lifelines::Lifelines(void* memory, std::vector<Peer> peers, std::size_t own)
    : memory_(memory), peers_(std::move(peers)), own_(own) {
  TIDEMARK_REQUIRE(pthread_mutex_lock(lock_of(memory_, own_)) == 0, "the lock must be free");
  share_last_words(board_of(memory_).has_spoken);
}

Lifelines::~Lifelines() { pthread_mutex_unlock(lock_of(memory_, own_)); }

void Lifelines::watch(const std::string& host, const OnLoss& on_loss) const {
  const auto wait_for = [&](std::size_t index) {
    const std::string line =
        fmt::format("rank {} (process {} on {}) has ended without saying why: killed, or crashed",
                    peers_[index].rank, peers_[index].pid, host);
    std::thread([line, on_loss, lock = lock_of(memory_, index), &board = board_of(memory_)] {
      const int code = pthread_mutex_lock(lock);
      if (code == EOWNERDEAD && !board.has_spoken.exchange(true)) on_loss(line);
      // Kept otherwise: an orderly end needs the lock no more.
    }).detach();
  };
  if (own_ + 1 < peers_.size()) wait_for(own_ + 1);
  if (own_ == 1) wait_for(0);
}

void end_after_loss(const std::string& line) {
  write_line(line);
  std::this_thread::sleep_for(grace);
  end_process();
}

}  // namespace tidemark::comm
