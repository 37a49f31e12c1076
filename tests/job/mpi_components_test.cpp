// SPDX-License-Identifier: BSD-3-Clause
#include "job/mpi_components.hpp"

#include <gtest/gtest.h>

namespace tidemark::job {
namespace {

std::vector<std::string> open_mpi(const std::vector<std::string>& components) {
  std::vector<std::string> libraries{"/usr/lib/libmpi.so.40", ""};
  for (const std::string& component : components) {
    libraries.push_back("/usr/lib/openmpi3/mca_" + component + ".so");
  }
  return libraries;
}

TEST(MpiComponents, IsSharedMemoryWithinANodeAndTheNetworkBetween) {
  const auto libraries = open_mpi({"btl_tcp", "btl_vader", "btl_self", "btl_sm", "pml_ob1"});
  const MpiComponents both = components_from(libraries, {true, true});
  EXPECT_EQ(both.messaging, "ob1");
  EXPECT_EQ(both.components, (std::vector<std::string>{"self", "sm", "tcp", "vader"}));
  EXPECT_EQ(both.within_node, "vader");
  EXPECT_EQ(both.between_nodes, "tcp");
  const MpiComponents one_node = components_from(libraries, {true, false});
  EXPECT_EQ(one_node.within_node, "vader");
  EXPECT_EQ(one_node.between_nodes, std::nullopt);
  const MpiComponents apart = components_from(libraries, {false, true});
  EXPECT_EQ(apart.within_node, std::nullopt);
  EXPECT_EQ(apart.between_nodes, "tcp");
}

TEST(MpiComponents, IsTheNetworkWhereSharedMemoryIsSwitchedOff) {
  EXPECT_EQ(
      components_from(open_mpi({"btl_tcp", "btl_self", "pml_ob1"}), {true, false}).within_node,
      "tcp");
}

TEST(MpiComponents, IsNotGuessedAt) {
  // There are two networks, so it is not known which one carries what.
  const auto two = open_mpi({"btl_tcp", "btl_openib", "btl_self", "btl_vader", "pml_ob1"});
  EXPECT_EQ(components_from(two, {true, true}).between_nodes, std::nullopt);
  const MpiComponents ucx = components_from(open_mpi({"btl_tcp", "pml_ucx"}), {true, true});
  EXPECT_EQ(ucx.messaging, "ucx");
  EXPECT_EQ(ucx.within_node, std::nullopt);
  EXPECT_EQ(components_from({"/usr/lib/libmpich.so"}, {true, true}).messaging, std::nullopt);
}

TEST(MpiComponents, IsReadFromVariablesWhereComponentsArePartOfTheLibrary) {
  // As Open MPI 5.0.7 lists them: vader is a second name of sm.
  const std::vector<std::string> variables{
      "pml",           "pml_base_verbose",   "pml_wrapper",       "pml_ob1_priority",
      "pml_ob1_eager", "btl_base_verbose",   "btl_self_priority", "btl_sm_priority",
      "btl_tcp_links", "btl_vader_priority", "mtl_ofi_priority",  "mpi_yield_when_idle"};
  const MpiComponents both = components_from_variables(variables, {true, true});
  EXPECT_EQ(both.messaging, "ob1");
  EXPECT_EQ(both.components, (std::vector<std::string>{"self", "sm", "tcp"}));
  EXPECT_EQ(both.within_node, "sm");
  EXPECT_EQ(both.between_nodes, "tcp");
  EXPECT_FALSE(both.known_by.empty());
  const MpiComponents alone = components_from_variables(variables, {});
  EXPECT_EQ(alone.within_node, std::nullopt);
  EXPECT_EQ(alone.between_nodes, std::nullopt);
  EXPECT_EQ(components_from_variables({"pml_ucx_verbose", "btl_tcp_links"}, {true, true}).messaging,
            "ucx");
  EXPECT_EQ(components_from_variables({"pml_ob1_eager", "pml_ucx_verbose"}, {true, true}).messaging,
            std::nullopt);
}

TEST(MpiComponents, IsTheDeviceThatMpichNames) {
  const std::string description =
      "MPICH Version:\t4.0.2\nMPICH Release date:\tThu Apr  7 12:34:45 CDT 2022\n"
      "MPICH ABI:\t14:2:2\nMPICH Device:\tch4:ucx\nMPICH configure:\t--prefix=/usr --with-ucx\n";
  const MpiComponents both = components_from_description(description, {true, true}, false);
  EXPECT_EQ(both.messaging, "ch4:ucx");
  EXPECT_EQ(both.components, (std::vector<std::string>{"ucx", "posix"}));
  EXPECT_EQ(both.within_node, "posix");
  EXPECT_EQ(both.between_nodes, "ucx");
  const MpiComponents told = components_from_description(description, {true, false}, true);
  EXPECT_EQ(told.within_node, "ucx");
  EXPECT_EQ(told.between_nodes, std::nullopt);
  const MpiComponents older =
      components_from_description("MPICH Device:    ch3:nemesis\n", {true, true}, false);
  EXPECT_EQ(older.messaging, "ch3:nemesis");
  EXPECT_EQ(older.within_node, std::nullopt);
  const std::string built_without = "MPICH Device:\tch4:ofi\nMPICH configure:\t";
  for (const char* option :
       {"--with-ch4-shmmods=none", "--with-ch4-shmmods=no", "--enable-ch4-direct=netmod"}) {
    EXPECT_EQ(components_from_description(built_without + option, {true, true}, false).within_node,
              "ofi");
  }
}

TEST(MpiComponents, IsUnknownUnderOtherLibraries) {
  const MpiComponents transport = components_from_description(
      "Intel(R) MPI Library 2021.10 for Linux* OS\n", {true, true}, false);
  EXPECT_EQ(transport.messaging, std::nullopt);
  EXPECT_TRUE(transport.known_by.empty());
}

}  // namespace
}  // namespace tidemark::job
