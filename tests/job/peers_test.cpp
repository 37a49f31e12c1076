// SPDX-License-Identifier: BSD-3-Clause
// What the system says of processes that others wait for.
#include "job/peers.hpp"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace tidemark::job {
namespace {

/// A process that waits to be killed.
class Child {
 public:
  Child() : pid_(fork()) {
    if (pid_ == 0) {
      pause();
      _exit(0);
    }
  }
  ~Child() {
    kill(pid_, SIGKILL);
    if (!reaped_) waitpid(pid_, nullptr, 0);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  void stop() const {
    kill(pid_, SIGSTOP);
    waitpid(pid_, nullptr, WUNTRACED);  // returns when it is stopped
  }
  void end(bool reap) {
    kill(pid_, SIGKILL);
    siginfo_t info;
    waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | (reap ? 0 : WNOWAIT));
    reaped_ = reap;
  }
  [[nodiscard]] ProcessIdentity identity() const {
    return {ProcessIdentity::of_this_process().node, pid_};
  }

 private:
  pid_t pid_;
  bool reaped_ = false;
};

TEST(Peers, NamesThoseThatAreStoppedOrHaveEnded) {
  const ProcessIdentity self = ProcessIdentity::of_this_process();
  Child runs;
  Child stops;
  Child ends;
  EXPECT_EQ(missing_peers({self, runs.identity(), stops.identity(), ends.identity()}, 0), "");
  stops.stop();
  EXPECT_EQ(missing_peers({self, runs.identity(), stops.identity(), ends.identity()}, 0),
            "rank 2 is stopped");
  ends.end(false);  // a zombie until its parent looks
  EXPECT_EQ(missing_peers({self, runs.identity(), stops.identity(), ends.identity()}, 0),
            "rank 3 has ended; rank 2 is stopped");
  ends.end(true);
  runs.stop();
  EXPECT_EQ(missing_peers({runs.identity(), self, stops.identity(), ends.identity()}, 1),
            "rank 3 has ended; ranks 0,2 are stopped");
}

TEST(Peers, TellsNothingOfOtherNodesAndOfItself) {
  const ProcessIdentity self = ProcessIdentity::of_this_process();
  Child stops;
  stops.stop();
  ProcessIdentity elsewhere = stops.identity();
  ++elsewhere.node;
  EXPECT_EQ(missing_peers({self, elsewhere}, 0), "");
  EXPECT_EQ(missing_peers({stops.identity()}, 0), "");
}

}  // namespace
}  // namespace tidemark::job
