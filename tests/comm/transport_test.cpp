#include "comm/transport.hpp"

#include <gtest/gtest.h>

namespace tidemark::comm {
namespace {

std::vector<std::string> open_mpi(const std::vector<std::string>& components) {
  std::vector<std::string> libraries{"/usr/lib/libmpi.so.40", ""};
  for (const std::string& component : components) {
    libraries.push_back("/usr/lib/openmpi3/mca_" + component + ".so");
  }
  return libraries;
}

TEST(Transport, IsSharedMemoryWithinANodeAndTheNetworkBetween) {
  const auto libraries = open_mpi({"btl_tcp", "btl_vader", "btl_self", "btl_sm", "pml_ob1"});
  const Transport both = transport_from(libraries, true, true);
  EXPECT_EQ(both.messaging, "ob1");
  EXPECT_EQ(both.components, (std::vector<std::string>{"self", "sm", "tcp", "vader"}));
  EXPECT_EQ(both.within_node, "vader");
  EXPECT_EQ(both.between_nodes, "tcp");
  const Transport one_node = transport_from(libraries, true, false);
  EXPECT_EQ(one_node.within_node, "vader");
  EXPECT_EQ(one_node.between_nodes, std::nullopt);
  const Transport apart = transport_from(libraries, false, true);
  EXPECT_EQ(apart.within_node, std::nullopt);
  EXPECT_EQ(apart.between_nodes, "tcp");
}

TEST(Transport, IsTheNetworkWhereSharedMemoryIsSwitchedOff) {
  EXPECT_EQ(transport_from(open_mpi({"btl_tcp", "btl_self", "pml_ob1"}), true, false).within_node,
            "tcp");
}

TEST(Transport, IsNotGuessedAt) {
  // Two networks: which one carries what is not known.
  const auto two = open_mpi({"btl_tcp", "btl_openib", "btl_self", "btl_vader", "pml_ob1"});
  EXPECT_EQ(transport_from(two, true, true).between_nodes, std::nullopt);
  const Transport ucx = transport_from(open_mpi({"btl_tcp", "pml_ucx"}), true, true);
  EXPECT_EQ(ucx.messaging, "ucx");
  EXPECT_EQ(ucx.within_node, std::nullopt);
  EXPECT_EQ(transport_from({"/usr/lib/libmpich.so"}, true, true).messaging, std::nullopt);
}

}  // namespace
}  // namespace tidemark::comm
