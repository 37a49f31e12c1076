// SPDX-License-Identifier: BSD-3-Clause
// Sets of processors by their system numbers, and the processors on which a thread may run.
//
// A "cpu" is the unit that the system schedules: a hardware thread. A core has one or more of them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tidemark::job {

/// Numbers of cpus, ascending, without duplicates.
using CpuList = std::vector<int>;

/// The system's format, such as "0-3,8"; "" for an empty list.
std::string text_of(const CpuList& cpus);

/// The inverse of text_of. Text that is no list of numbers and ranges gives an empty list.
CpuList cpus_in(std::string_view text);

/// True if each of `cpus` is one of `others`.
bool is_within(const CpuList& cpus, const CpuList& others);

/// The cpus on which the calling thread may run; empty if the system does not tell.
CpuList cpus_of_this_thread();

/// The cpus that the launcher gave to this process. They are read before the process's libraries
/// start, because with OMP_PROC_BIND libgomp binds the main thread to one of them before main(). If
/// the system starts programs in another way, these are the cpus of the calling thread now.
CpuList cpus_at_start();

}  // namespace tidemark::job
