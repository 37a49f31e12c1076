#include "bench/case/host_threads.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <Kokkos_Core.hpp>

#include <cstddef>
#include <map>

namespace tidemark::bench {

namespace {

using HostSpace = Kokkos::DefaultHostExecutionSpace;

struct Answer {
  long thread = 0;
  job::CpuList cpus;
};

/// Kokkos copies it, and each index is answered by one thread alone.
struct Ask {
  Answer* answers;
  void operator()(int index) const {
    answers[index] = {syscall(SYS_gettid), job::cpus_of_this_thread()};
  }
};

}  // namespace

std::vector<job::CpuList> cpus_of_threads() {
  // Several indices a thread: no way of dividing them leaves a thread out.
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
