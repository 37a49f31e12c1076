// SPDX-License-Identifier: BSD-3-Clause
#include "bench/step/step_variants.hpp"

#include "base/scalars.hpp"

namespace tidemark::bench {

namespace {

/// Records kernels and calls during its lifetime. The record is complete after `collect`.
class Noting {
 public:
  Noting(KernelWatch& watch, comm::Communicator& communicator, StepLog* log)
      : watch_(watch), communicator_(communicator), is_on_(log != nullptr) {
    if (!is_on_) return;
    if (KernelWatch::works) watch_.begin(log->kernels);
    communicator_.attach(&log->comm);
  }
  ~Noting() {
    if (!is_on_) return;
    watch_.drop();
    communicator_.attach(nullptr);
  }
  Noting(const Noting&) = delete;
  Noting& operator=(const Noting&) = delete;

  void collect() {
    if (watch_.is_noting()) watch_.collect();
  }

 private:
  KernelWatch& watch_;
  comm::Communicator& communicator_;
  bool is_on_;
};

}  // namespace

template <class T>
void StepVariants<T>::choose(parallel::OverlapMode mode) {
  configured_.mode = mode;
  prepare(Variant::step);
}

template <class T>
void StepVariants<T>::prepare(Variant variant) {
  parallel::Schedule schedule = configured_;
  const bool is_serial = variant == Variant::serial || variant == Variant::compute_serial;
  const bool is_silent = variant == Variant::compute || variant == Variant::compute_serial;
  if (is_serial) schedule.mode = parallel::OverlapMode::none;
  communicator_.set_overlapping(schedule.mode != parallel::OverlapMode::none);
  stack_.run_with(variant == Variant::comm ? dry_run_device_ : device_,
                  is_silent ? static_cast<comm::Communicator&>(silent_) : communicator_, schedule);
}

template <class T>
StepTime StepVariants<T>::run(Variant variant, StepLog* log, StepDigest* digest) {
  prepare(variant);
  Noting noting(watch_, communicator_, log);
  const double replaced_before = silent_.replacing_seconds();
  StepTime time = run_step(stack_, {}, variant == Variant::comm ? nullptr : brake_, digest);
  if (brake_ != nullptr && variant == Variant::step) brake_->learn(time.step());
  noting.collect();
  // The split into forward and backward is not reported for these variants.
  time.backward -= silent_.replacing_seconds() - replaced_before;
  prepare(Variant::step);
  return time;
}

TIDEMARK_INSTANTIATE_CLASS(StepVariants)

}  // namespace tidemark::bench
