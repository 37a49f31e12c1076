// Sets of processors, by the numbers that the system gives them, and those a thread may run on.
//
// A "cpu" is what the system schedules on: a hardware thread. A core has one or several of them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tidemark::job {

/// Numbers of cpus, ascending, each once.
using CpuList = std::vector<int>;

/// "0-3,8", as the system writes it; "" for none.
std::string text_of(const CpuList& cpus);

/// The reverse. What is no list of numbers and ranges gives an empty list.
CpuList cpus_in(std::string_view text);

/// True where each of `cpus` is one of `others`.
bool is_within(const CpuList& cpus, const CpuList& others);

/// The cpus that the calling thread may run on; empty where the system does not say.
CpuList cpus_of_this_thread();

/// The cpus that the launcher gave to this process. They are read before the libraries of the
/// process start: with OMP_PROC_BIND, libgomp binds the main thread before main() to one of them.
/// Where the system starts programs in another way, those that the calling thread has now.
CpuList cpus_at_start();

}  // namespace tidemark::job
