# SPDX-License-Identifier: BSD-3-Clause
"""Spack 1.0 or newer: how to build Tidemark.

    spack repo add scripts/harness/spack/spack_repo/tidemark
    spack install tidemark                       # or tidemark+cuda cuda_arch=90
"""
from spack_repo.builtin.build_systems.cmake import CMakePackage
from spack_repo.builtin.build_systems.cuda import CudaPackage

from spack.package import *


class Tidemark(CMakePackage, CudaPackage):
    """Benchmark of tensor- and sequence-parallel transformer training on Kokkos: activation
    high-water marks against the published formulas, and overlap of communication with matrix
    products."""

    # Spack builds the committed state of the checkout that contains this recipe.
    git = "file://" + ancestor(__file__, 8)
    homepage = git

    license("BSD-3-Clause")

    version("main", branch="main")

    variant("openmp", default=True, description="Threads on the host by OpenMP")
    variant("tests", default=False, description="Build the tests")

    depends_on("c", type="build")
    depends_on("cxx", type="build")
    depends_on("cmake@3.22:", type="build")
    depends_on("pkgconfig", type="build")
    depends_on("mpi@3:")
    depends_on("kokkos@3.7: cxxstd=20")
    depends_on("kokkos-kernels@3.7:+blas")
    depends_on("blas")
    depends_on("yaml-cpp")
    depends_on("cli11")
    depends_on("fmt@9:")
    depends_on("nlohmann-json@3.11:")

    depends_on("kokkos+openmp", when="+openmp")
    depends_on("kokkos-kernels+openmp", when="+openmp")
    depends_on("kokkos+serial", when="~openmp")
    depends_on("kokkos-kernels+serial", when="~openmp")
    # Kokkos and BLAS run the same threads, so there is one setting for both.
    depends_on("openblas threads=openmp", when="+openmp ^[virtuals=blas] openblas")

    conflicts("cuda_arch=none", when="+cuda", msg="name the architecture, as cuda_arch=90")
    for arch in CudaPackage.cuda_arch_values:
        depends_on(f"kokkos+cuda+wrapper cuda_arch={arch}", when=f"+cuda cuda_arch={arch}")
        depends_on(f"kokkos-kernels+cuda+cublas cuda_arch={arch}", when=f"+cuda cuda_arch={arch}")
    depends_on("kokkos+cuda_lambda", when="+cuda ^kokkos@:4")
    depends_on("nccl@2.14:", when="+cuda")

    depends_on("googletest", when="+tests")
    depends_on("random123", when="+tests")
    depends_on("py-numpy", type="build", when="+tests")

    def cmake_args(self):
        arguments = [
            self.define_from_variant("BUILD_TESTING", "tests"),
            # Spack's compiler wrapper chooses the processor.
            self.define("TIDEMARK_ARCH", ""),
        ]
        if self.spec.satisfies("+cuda"):
            arguments.append(self.define("CMAKE_CXX_COMPILER", self["kokkos"].kokkos_cxx))
        return arguments

    @run_after("install")
    def install_inputs(self):
        install_tree("inputs", self.prefix.inputs)
