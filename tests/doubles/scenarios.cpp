// SPDX-License-Identifier: BSD-3-Clause
#include "doubles/scenarios.hpp"

#include <array>
#include <chrono>
#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <thread>

#include "base/error.hpp"
#include "comm/mpi/mpi_communicator.hpp"
#include "comm/nccl/nccl_communicator.hpp"
#include "doubles/compute.hpp"
#include "doubles/faults.hpp"
#include "job/mpi_session.hpp"

namespace tidemark::doubles {

namespace {

using comm::Communicator;
using comm::Purpose;
using comm::Request;

constexpr std::chrono::duration<double> timeout{1.5};
constexpr std::chrono::milliseconds a_while{40};  ///< in which the others make progress
constexpr std::size_t count = 1000;

struct Stage {
  Compute compute;
  Buffer<float> numbers{count}, copy{count};
  std::unique_ptr<Communicator> communicator;  // last, because it uses the stream to its end

  [[nodiscard]] int rank() const { return communicator->rank(); }
  [[nodiscard]] Request all_reduce() const { return all_reduce(numbers.data()); }
  [[nodiscard]] Request all_reduce(float* values) const {
    return communicator->all_reduce(values, count, DType::fp32, Purpose::activation);
  }
  /// A slow kernel, so that code that does not wait for it is too early.
  void write() const { write(numbers.data()); }
  void write(float* values) const {
    compute.sleep(a_while);
    compute.launch([values] {
      for (std::size_t i = 0; i < count; ++i) values[i] = 1.0F;
    });
  }
  void read(const float* values) const {
    compute.launch([this, values] {
      for (std::size_t i = 0; i < count; ++i) copy[i] = values[i];
    });
  }
  void require_sums(const Buffer<float>& sums) const {
    const auto expected = static_cast<float>(communicator->size());
    for (std::size_t i = 0; i < count; ++i) {
      if (sums[i] != expected) throw RunError("the sums are wrong");
    }
  }
};

void wait_for_ever() { std::this_thread::sleep_for(std::chrono::hours(1)); }

/// The numbers are written, reduced, read and checked, with all the waits that are necessary.
void reduce(const Stage& stage, float* values) {
  stage.write(values);
  Request request = stage.all_reduce(values);
  stage.communicator->wait(request);
  stage.read(values);
  stage.communicator->fence();
  stage.require_sums(stage.copy);
}

void reduce(const Stage& stage) { reduce(stage, stage.numbers.data()); }

void reduce_with(const Stage& stage, Kind kind, const std::string& function, int rank = 0) {
  if (stage.rank() == rank) plant(kind, function);
  reduce(stage);
}

/// The same in NCCL's own memory, without the first `skipped` numbers of it.
void reduce_registered(const Stage& stage, std::size_t skipped = 0) {
  const Buffer<float> registered(2 * count, *stage.communicator->buffer_memory());
  reduce(stage, registered.data() + skipped);
}

/// The host gives the memory back as soon as it has posted its call.
void give_back_at_once(const Stage& stage) {
  const Buffer<float> registered(count, *stage.communicator->buffer_memory());
  stage.write(registered.data());
  Request request = stage.all_reduce(registered.data());
  stage.communicator->wait(request);
}

void reduce_registered_with(const Stage& stage, Kind kind, const std::string& function) {
  if (stage.rank() == 1) plant(kind, function);
  reduce_registered(stage);
}

using Scenario = std::function<void(const Stage&)>;

const std::map<std::string, Scenario>& scenarios() {
  static const std::map<std::string, Scenario> all{
      {"good", [](const Stage& stage) { reduce(stage); }},

      // A wait is missing.
      {"caller_does_not_ask_until_the_call_is_on_its_stream",
       [](const Stage& stage) {
         reduce_with(stage, Kind::skip, "ncclCommGetAsyncError", stage.rank());
       }},
      {"collective_does_not_wait_for_kernel",
       [](const Stage& stage) {
         reduce_with(stage, Kind::skip, "cudaStreamWaitEvent of the urgent stream");
       }},
      {"kernel_does_not_wait_for_collective",
       [](const Stage& stage) {
         // The other rank comes late, and so do the sums.
         if (stage.rank() != 0) std::this_thread::sleep_for(a_while);
         reduce_with(stage, Kind::skip, "cudaStreamWaitEvent of the other stream");
       }},
      {"host_does_not_wait_for_device",
       [](const Stage& stage) {
         stage.write();
         Request request = stage.all_reduce();
         stage.communicator->wait(request);
         stage.require_sums(stage.numbers);
       }},
      {"kernel_overwrites_what_is_being_sent",
       [](const Stage& stage) {
         Request request = stage.all_reduce();
         stage.write();
         stage.communicator->wait(request);
         stage.communicator->fence();
       }},

      // Arguments that do not fit together.
      {"other_count",
       [](const Stage& stage) {
         const std::size_t wrong = stage.rank() == 0 ? count : count / 2;
         Request request = stage.communicator->all_reduce(stage.numbers.data(), wrong, DType::fp32,
                                                          Purpose::activation);
         stage.communicator->wait(request);
         stage.communicator->fence();
       }},
      {"other_type",
       [](const Stage& stage) {
         const DType wrong = stage.rank() == 0 ? DType::fp32 : DType::bf16;
         Request request = stage.communicator->all_reduce(stage.numbers.data(), count, wrong,
                                                          Purpose::activation);
         stage.communicator->wait(request);
         stage.communicator->fence();
       }},
      {"other_order",
       [](const Stage& stage) {
         const auto gather = [&] {
           return stage.communicator->all_gather(stage.numbers.data(), stage.copy.data(), 10,
                                                 DType::fp32, Purpose::activation);
         };
         Request first = stage.rank() == 0 ? stage.all_reduce() : gather();
         Request second = stage.rank() == 0 ? gather() : stage.all_reduce();
         stage.communicator->wait(first);
         stage.communicator->wait(second);
         stage.communicator->fence();
       }},
      {"other_peer",
       [](const Stage& stage) {
         Request request = stage.communicator->exchange(stage.numbers.data(), 0, stage.copy.data(),
                                                        1 - stage.rank(), count, DType::fp32,
                                                        Purpose::activation);
         stage.communicator->wait(request);
         stage.communicator->fence();
       }},
      {"message_of_a_group_fails",
       [](const Stage& stage) {
         if (stage.rank() == 1) plant(Kind::fail, "ncclRecv");
         const int other = 1 - stage.rank();
         const float* const sent = stage.numbers.data();
         float* const received = stage.copy.data();
         const std::array messages{
             comm::Exchange{sent, other, received, other},
             comm::Exchange{sent + count / 2, other, received + count / 2, other}};
         auto requests = stage.communicator->exchange_together(messages, count / 2, DType::fp32,
                                                               Purpose::activation);
         for (Request& request : requests) stage.communicator->wait(request);
         stage.communicator->fence();
       }},
      {"host_memory",
       [](const Stage& stage) {
         float number = 1.0F;
         Request request =
             stage.communicator->all_reduce(&number, 1, DType::fp32, Purpose::activation);
         stage.communicator->wait(request);
       }},

      // Calls that fail.
      {"launch_fails",
       [](const Stage& stage) { reduce_with(stage, Kind::fail, "ncclAllReduce", 1); }},
      {"event_fails",
       [](const Stage& stage) { reduce_with(stage, Kind::fail, "cudaEventRecord", 1); }},
      {"wait_fails",
       [](const Stage& stage) { reduce_with(stage, Kind::fail, "cudaStreamWaitEvent", 1); }},
      {"device_fails",
       [](const Stage& stage) {
         stage.compute.sleep(10 * a_while);  // the watch polls meanwhile
         reduce_with(stage, Kind::fail, "cudaEventQuery", 1);
       }},
      {"asking_fails",
       [](const Stage& stage) { reduce_with(stage, Kind::fail, "ncclCommGetAsyncError", 1); }},

      // Memory that is registered with NCCL.
      {"registered", [](const Stage& stage) { reduce_registered(stage); }},
      {"given_back_at_once", give_back_at_once},
      {"allocation_fails",
       [](const Stage& stage) { reduce_registered_with(stage, Kind::fail, "ncclMemAlloc"); }},
      {"registration_fails",
       [](const Stage& stage) { reduce_registered_with(stage, Kind::fail, "ncclCommRegister"); }},
      {"deregistration_fails",
       [](const Stage& stage) { reduce_registered_with(stage, Kind::fail, "ncclCommDeregister"); }},
      {"freed_while_registered",
       [](const Stage& stage) { reduce_registered_with(stage, Kind::skip, "ncclCommDeregister"); }},
      {"freed_while_a_call_uses_it",
       [](const Stage& stage) {
         plant(Kind::skip, "cudaStreamSynchronize");
         give_back_at_once(stage);
       }},
      {"never_given_back",
       [](const Stage& stage) {
         static_cast<void>(stage.communicator->buffer_memory()->allocate(count));
       }},
      {"registered_on_one_rank",
       [](const Stage& stage) { stage.rank() == 0 ? reduce_registered(stage) : reduce(stage); }},
      {"other_place",
       [](const Stage& stage) {
         reduce_registered(stage, static_cast<std::size_t>(stage.rank()));
       }},
      {"peer_hangs_with_registered",
       [](const Stage& stage) {
         const Buffer<float> registered(count, *stage.communicator->buffer_memory());
         if (stage.rank() == 1) wait_for_ever();
         reduce(stage, registered.data());
       }},

      // Calls that do not end.
      {"peer_hangs",
       [](const Stage& stage) {
         if (stage.rank() == 1) wait_for_ever();
         reduce(stage);
       }},
      {"kernel_hangs",
       [](const Stage& stage) {
         if (stage.rank() == 0) stage.compute.launch(wait_for_ever);
         reduce(stage);
       }},
      {"launch_hangs", [](const Stage& stage) { reduce_with(stage, Kind::hang, "ncclAllReduce"); }},
      {"abort_hangs",
       [](const Stage& stage) {
         if (stage.rank() == 1) wait_for_ever();
         reduce_with(stage, Kind::hang, "ncclCommAbort");
       }},
      {"looking_hangs",
       [](const Stage& stage) {
         if (stage.rank() == 1) wait_for_ever();
         reduce_with(stage, Kind::hang, "cudaEventQuery");
       }},
  };
  return all;
}

/// Plants faults that must exist before there is a communicator.
void plant_for_start(const std::string& scenario, int rank) {
  if (scenario == "init_fails" && rank == 1) plant(Kind::fail, "ncclCommInitRankConfig");
  if (scenario == "init_hangs" && rank == 1) plant(Kind::hang, "ncclCommInitRankConfig");
}

void run(const std::string& scenario, int rank) {
  plant_for_start(scenario, rank);
  auto control = std::make_unique<comm::MpiCommunicator>(MPI_COMM_WORLD, 20 * timeout);
  Stage stage;
  stage.communicator =
      comm::make_nccl_communicator(std::move(control), stage.compute.stream(), timeout);
  stage.communicator->set_context("the play");
  const auto found = scenarios().find(scenario);
  if (found != scenarios().end()) found->second(stage);
  stage.communicator->fence();  // as at the end of a run
}

}  // namespace

int play(const std::string& scenario) {
  const job::MpiSession session;
  try {
    run(scenario, session.rank());
    return 0;
  } catch (const Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    session.abort(error.status());
  }
}

}  // namespace tidemark::doubles
