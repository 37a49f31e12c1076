// SPDX-License-Identifier: BSD-3-Clause
// What the thread sanitizer is told about the internals of the doubles.
//
// The doubles' queues need locks. The sanitizer would take each lock for an order between the
// threads' actions before and after it. A caller that forgot to wait for an event would go
// unnoticed if a lock happened to lie in between. So the sanitizer does not see these locks, and
// the orders that CUDA promises are declared one by one.
#pragma once

#if defined(__SANITIZE_THREAD__)

extern "C" {
void AnnotateIgnoreSyncBegin(const char* file, int line);
void AnnotateIgnoreSyncEnd(const char* file, int line);
void AnnotateIgnoreReadsBegin(const char* file, int line);
void AnnotateIgnoreReadsEnd(const char* file, int line);
void AnnotateIgnoreWritesBegin(const char* file, int line);
void AnnotateIgnoreWritesEnd(const char* file, int line);
void __tsan_acquire(void* address);
void __tsan_release(void* address);
}

namespace tidemark::doubles {

/// While the object lives, the sanitizer neither sees this thread's accesses nor takes its locks
/// for an order.
class Quiet {
 public:
  Quiet() {
    AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
    AnnotateIgnoreWritesBegin(__FILE__, __LINE__);
    AnnotateIgnoreSyncBegin(__FILE__, __LINE__);
  }
  ~Quiet() {
    AnnotateIgnoreSyncEnd(__FILE__, __LINE__);
    AnnotateIgnoreWritesEnd(__FILE__, __LINE__);
    AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
  }
  Quiet(const Quiet&) = delete;
  Quiet& operator=(const Quiet&) = delete;
};

/// What this thread did so far comes before what others do after `behind` with the same address.
inline void before(void* address) { __tsan_release(address); }
inline void behind(void* address) { __tsan_acquire(address); }

}  // namespace tidemark::doubles

#else

namespace tidemark::doubles {

class Quiet {
 public:
  Quiet() {}
};
inline void before(void*) {}
inline void behind(void*) {}

}  // namespace tidemark::doubles

#endif
