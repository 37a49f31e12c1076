// SPDX-License-Identifier: BSD-3-Clause
#include "bench/case/host_threads.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <cstddef>
#include <map>

#include <Kokkos_Core.hpp>

namespace tidemark::bench {

namespace {

using HostSpace = Kokkos::DefaultHostExecutionSpace;

struct Answer {
  long thread = 0;
  job::CpuList cpus;
};

/// A functor that Kokkos copies. Only one thread writes the answer of an index.
struct Ask {
  Answer* answers;
  void operator()(int index) const {
    answers[index] = {syscall(SYS_gettid), job::cpus_of_this_thread()};
  }
};

}  // namespace

std::vector<job::CpuList> cpus_of_threads() {
  // Several indices per thread, so that every way of dividing them reaches all threads.
  const int indices = 4 * HostSpace().concurrency();
  std::vector<Answer> answers(static_cast<std::size_t>(indices));
  using Policy = Kokkos::RangePolicy<HostSpace, Kokkos::Schedule<Kokkos::Static>, int>;
  Kokkos::parallel_for("cpus of threads", Policy(0, indices), Ask{answers.data()});
  HostSpace().fence();
  std::map<long, job::CpuList> by_thread;
  for (const Answer& answer : answers) by_thread[answer.thread] = answer.cpus;
  std::vector<job::CpuList> cpus;
  for (const auto& [thread, of_thread] : by_thread) cpus.push_back(of_thread);
  return cpus;
}

}  // namespace tidemark::bench
