// SPDX-License-Identifier: BSD-3-Clause
#include "base/interruption.hpp"

#include <semaphore.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cctype>
#include <cerrno>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "base/last_words.hpp"

namespace tidemark {

namespace {

// The state that the handler changes. A handler may do no more than that.
std::atomic<int> noted_signal{0};
std::atomic<long long> noted_nanoseconds{0};
sem_t wake_up;

static_assert(std::atomic<int>::is_always_lock_free && std::atomic<long long>::is_always_lock_free);

/// The clock is one that a signal handler may read.
long long now_nanoseconds() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<long long>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

extern "C" void note_signal(int number) {
  const int error = errno;
  int none = 0;
  if (noted_signal.compare_exchange_strong(none, number)) {
    noted_nanoseconds.store(now_nanoseconds());
    sem_post(&wake_up);
  }
  errno = error;
}

void handle(int number, void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  sigaction(number, &action, nullptr);
}

/// True after a SIGTERM from Open MPI's mpirun, which kills its ranks one second after it has
/// passed the signal on. (It sets this variable for them. Ranks that srun starts do not have it.)
bool is_killed_soon() {
  return Interruption::signal_number() == SIGTERM &&
         std::getenv("OMPI_MCA_orte_local_daemon_uri") != nullptr;
}

/// The number of processes with the same parent as this one that still listen for SIGTERM, itself
/// included. A process that has failed is gone, or is ending and does not listen any more.
int listening_siblings() {
  constexpr unsigned long long bit = 1ULL << (SIGTERM - 1);
  int count = 0;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
    if (std::isdigit(static_cast<unsigned char>(entry.path().filename().string()[0])) == 0)
      continue;
    std::ifstream file(entry.path() / "status");
    bool is_sibling = false;
    unsigned long long caught = 0;
    for (std::string key; file >> key; std::getline(file, key)) {
      pid_t parent = 0;
      if (key == "PPid:" && file >> parent) is_sibling = parent == getppid();
      if (key == "SigCgt:") file >> std::hex >> caught >> std::dec;
    }
    if (is_sibling && (caught & bit) != 0) ++count;
  }
  return count;
}

/// Seconds after which a process is ended. Rank 0 comes first, so that one line is enough.
double longest_wait(int rank) {
  if (is_killed_soon()) return rank == 0 ? 0.6 : 2.0;
  return rank == 0 ? 9.0 : 9.7;
}

}  // namespace

Interruption::Interruption(int rank, int local_ranks) : rank_(rank), local_ranks_(local_ranks) {
  noted_signal = 0;
  noted_nanoseconds = 0;
  sem_init(&wake_up, 0, 0);
  thread_ = std::thread([this] { watch(); });
  handle(SIGTERM, note_signal);
  handle(SIGUSR1, note_signal);
}

Interruption::~Interruption() {
  handle(SIGTERM, SIG_IGN);
  handle(SIGUSR1, SIG_IGN);
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_one();
  sem_post(&wake_up);
  thread_.join();
  sem_destroy(&wake_up);
}

int Interruption::signal_number() noexcept { return noted_signal.load(); }

double Interruption::seconds() noexcept {
  const long long since = noted_nanoseconds.load();
  // The 1 ns is added because 0 would mean that no signal has come.
  return since == 0 ? 0.0 : 1e-9 * static_cast<double>(now_nanoseconds() - since + 1);
}

double Interruption::patience() noexcept { return is_killed_soon() ? 0.2 : 7.0; }

std::string Interruption::name_of(int signal_number) {
  return signal_number == SIGTERM ? "SIGTERM" : "SIGUSR1";
}

void Interruption::set_line(std::string line) {
  const std::lock_guard lock(mutex_);
  line_ = std::move(line);
}

void Interruption::watch() {
  while (sem_wait(&wake_up) != 0 && errno == EINTR) {
  }
  std::unique_lock lock(mutex_);
  if (changed_.wait_for(lock, std::chrono::duration<double>(longest_wait(rank_)),
                        [this] { return stop_; })) {
    return;
  }
  // Launchers also send SIGTERM when a rank has failed. That rank has printed why.
  note_last_words();
  const bool is_clearing_up = is_killed_soon() && listening_siblings() < local_ranks_;
  if (is_clearing_up) ::_exit(static_cast<int>(ExitStatus::failed));
  // One write without the locks of stdio, because the thread that hangs may hold them.
  const std::string text =
      fmt::format("{} on rank {}: {}\n", name_of(signal_number()), rank_, line_);
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
  ::_exit(static_cast<int>(ExitStatus::failed));
}

}  // namespace tidemark
