# SPDX-License-Identifier: BSD-3-Clause
"""A site for ReFrame: this machine, with mpirun and without a scheduler, and a Slurm to copy from.

The references in tidemark_test.py use these names of systems.
"""

site_configuration = {
    "systems": [
        {
            "name": "cluster",
            "descr": "nodes of a Slurm; name your login nodes and partition",
            "hostnames": ["^login"],
            # Use "squeue" instead of "slurm" if the Slurm keeps no accounts.
            "partitions": [{
                "name": "main", "scheduler": "slurm", "launcher": "srun", "environs": ["host"],
                "access": ["--partition=main", "--exclusive"],
                "sched_options": {"use_nodes_option": True},
            }],
        },
        {
            "name": "one-machine",
            "descr": "one machine, ranks started by mpirun",
            "hostnames": [".*"],
            "partitions": [{
                "name": "default", "scheduler": "local", "launcher": "mpirun", "environs": ["host"],
            }],
        },
    ],
    "environments": [{"name": "host", "cc": "cc", "cxx": "c++", "ftn": ""}],
}
