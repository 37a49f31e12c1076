// SPDX-License-Identifier: BSD-3-Clause
#include "memory/allocations.hpp"

#include <string>
#include <vector>

#include <Kokkos_Core.hpp>
#include <gtest/gtest.h>

#include "base/device.hpp"
#include "base/error.hpp"

namespace tidemark::memory {
namespace {

using View = Kokkos::View<float*, MemorySpace>;

View view(const char* label) {
  return View(Kokkos::view_alloc(std::string(label), Kokkos::WithoutInitializing), 100);
}

/// A tool that was there first. It records what it sees while the object lives.
class Tool {
 public:
  Tool() {
    labels().clear();
    Kokkos::Tools::Experimental::set_allocate_data_callback(
        [](const Kokkos_Profiling_SpaceHandle, const char* label, const void* pointer,
           const std::uint64_t bytes) {
          labels().emplace_back(label);
          EXPECT_NE(pointer, nullptr);
          EXPECT_GE(bytes, 400U);
        });
  }
  ~Tool() { Kokkos::Tools::Experimental::set_allocate_data_callback(nullptr); }
  Tool(const Tool&) = delete;
  Tool& operator=(const Tool&) = delete;

  static std::vector<std::string>& labels() {
    static std::vector<std::string> seen;
    return seen;
  }
};

// On a device, each launch of a team policy reports scratch memory of size 0.
TEST(AllocationWatch, LeavesOutWhatTakesNoMemory) {
  const AllocationWatch watch;
  int place = 0;
  const auto enter = [&](const char* label, std::uint64_t bytes) {
    Kokkos::Tools::allocateData(Kokkos::Tools::make_space_handle(MemorySpace::name()), label,
                                &place, bytes);
  };
  enter("nothing", 0);
  EXPECT_EQ(watch.count(), 0);
  EXPECT_EQ(watch.first(), "");
  enter("something", 4);
  EXPECT_EQ(watch.count(), 1);
  EXPECT_EQ(watch.first(), "something");
}

TEST(AllocationWatch, CountsEveryAllocationAndNamesTheFirst) {
  const AllocationWatch watch;
  EXPECT_EQ(watch.count(), 0);
  EXPECT_EQ(watch.first(), "");
  const View one = view("one");
  EXPECT_EQ(watch.count(), 1);
  void* const raw = Kokkos::kokkos_malloc<MemorySpace>("raw", 400);
  Kokkos::kokkos_free<MemorySpace>(raw);
  const auto copy = one;  // shares the memory
  EXPECT_EQ(watch.count(), 2);
  EXPECT_EQ(watch.first(), "one");
}

TEST(AllocationWatch, SeesOtherMemorySpaces) {
  const AllocationWatch watch;
  const Kokkos::View<double*, Kokkos::HostSpace> host("on the host", 3);
  EXPECT_EQ(watch.count(), 1);
  EXPECT_EQ(watch.first(), "on the host");
}

TEST(AllocationWatch, StartsAtNothingAndSeesNothingAfterItsEnd) {
  { const AllocationWatch watch; }
  const View between = view("between");
  {
    const AllocationWatch watch;
    EXPECT_EQ(watch.count(), 0);
    EXPECT_EQ(watch.first(), "");
    const View inside = view("inside");
    EXPECT_EQ(watch.count(), 1);
    EXPECT_EQ(watch.first(), "inside");
  }
  EXPECT_EQ(Kokkos::Tools::Experimental::get_callbacks().allocate_data, nullptr);
}

TEST(AllocationWatch, AToolThatIsThereGoesOnSeeingThem) {
  const Tool tool;
  const View before = view("before");
  {
    const AllocationWatch watch;
    const View during = view("during");
    EXPECT_EQ(watch.count(), 1);
  }
  const View after = view("after");
  EXPECT_EQ(Tool::labels(), (std::vector<std::string>{"before", "during", "after"}));
}

TEST(AllocationWatch, ThereIsOneAtATime) {
  {
    const AllocationWatch watch;
    EXPECT_THROW({ const AllocationWatch second; }, BrokenInvariant);
    const View seen = view("seen");
    EXPECT_EQ(watch.count(), 1);
  }
  EXPECT_NO_THROW({ const AllocationWatch next; });
}

}  // namespace
}  // namespace tidemark::memory
