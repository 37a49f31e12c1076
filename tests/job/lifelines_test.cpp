// SPDX-License-Identifier: BSD-3-Clause
#include "job/lifelines.hpp"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <future>
#include <memory>

#include <gtest/gtest.h>

#include "base/last_words.hpp"

namespace tidemark::job {
namespace {

using namespace std::chrono_literals;

/// How the other rank ends.
enum class End { killed, in_order, with_a_line };

void end(End how, std::unique_ptr<Lifelines> own) {
  if (how == End::killed) raise(SIGKILL);
  if (how == End::in_order) own.reset();
  if (how == End::with_a_line) note_last_words();
  _exit(0);
}

/// This process is rank `own` of 4 and 5, the first two of a node. The other one is a child of it,
/// and ends. Returns the line that this process would write; empty if it writes none.
std::string line_after(End how, std::size_t own) {
  const std::size_t bytes = Lifelines::bytes_for(2);
  void* const memory =
      mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  Lifelines::prepare(memory, 2);
  std::array<int, 2> ready{};
  std::array<int, 2> go{};
  if (pipe(ready.data()) != 0 || pipe(go.data()) != 0) return "no pipe";
  const std::array<Lifelines::Peer, 2> peers{{{4, 1004}, {5, 1005}}};
  char byte = 'x';
  const pid_t child = fork();
  if (child == 0) {
    auto lifelines = std::make_unique<Lifelines>(memory, 2, 1 - own, peers.at(1 - own));
    if (write(ready[1], &byte, 1) == 1 && read(go[0], &byte, 1) == 1)
      end(how, std::move(lifelines));
    _exit(1);
  }
  EXPECT_EQ(read(ready[0], &byte, 1), 1);
  // Waiting threads outlive the test, so their data must, too.
  const auto line = std::make_shared<std::promise<std::string>>();
  std::future<std::string> said = line->get_future();
  auto lifelines = std::make_unique<Lifelines>(memory, 2, own, peers.at(own));
  EXPECT_TRUE(lifelines->is_complete());
  lifelines->watch("node7", [line](const std::string& text) { line->set_value(text); });
  EXPECT_EQ(write(go[1], &byte, 1), 1);
  waitpid(child, nullptr, 0);
  for (const int file : {ready[0], ready[1], go[0], go[1]}) close(file);
  return said.wait_for(how == End::killed ? 20s : 200ms) == std::future_status::ready ? said.get()
                                                                                      : "";
}

TEST(Lifelines, TellThatTheNextRankWasKilled) {
  EXPECT_EQ(line_after(End::killed, 0),
            "rank 5 (process 1005 on node7) has ended without saying why: killed, or crashed");
}

TEST(Lifelines, TellThatTheFirstRankWasKilled) {
  EXPECT_EQ(line_after(End::killed, 1),
            "rank 4 (process 1004 on node7) has ended without saying why: killed, or crashed");
}

TEST(Lifelines, AreIncompleteUntilAllRanksHaveTheirLocks) {
  alignas(64) static std::array<std::byte, 256> memory{};  // last words are kept there from now on
  ASSERT_LE(Lifelines::bytes_for(2), memory.size());
  Lifelines::prepare(memory.data(), 2);
  const Lifelines first(memory.data(), 2, 0, {4, 1004});
  EXPECT_FALSE(first.is_complete());
}

TEST(Lifelines, AreSilentBehindAnOrderlyEnd) {
  EXPECT_EQ(line_after(End::in_order, 0), "");
  EXPECT_EQ(line_after(End::in_order, 1), "");
}

TEST(Lifelines, AreSilentBehindALineOfTheRankThatEnds) {
  EXPECT_EQ(line_after(End::with_a_line, 0), "");
  EXPECT_EQ(line_after(End::with_a_line, 1), "");
}

}  // namespace
}  // namespace tidemark::job
