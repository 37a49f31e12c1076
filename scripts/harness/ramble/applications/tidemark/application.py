# SPDX-License-Identifier: BSD-3-Clause
"""Ramble, and Benchpark on top of it: inputs of Tidemark, with figures of merit from the records.

    ramble repo add scripts/harness/ramble
    ramble workspace create -d WORKSPACE -c scripts/harness/ramble/ramble.yaml
    ramble -D WORKSPACE workspace setup && ramble -D WORKSPACE on
    ramble -D WORKSPACE workspace analyze
"""
from ramble.appkit import *


class Tidemark(ExecutableApplication):
    """Tensor- and sequence-parallel transformer steps: activation high-water marks and overlap"""

    name = "tidemark"

    tags("deep-learning", "communication", "mini-app", "memory")

    software_spec("tidemark", pkg_spec="tidemark", package_manager="spack*")
    required_package("tidemark", package_manager="spack*")

    executable(
        "run",
        "{tidemark} run {input} --set parallel.tensor={n_ranks} {settings} "
        "--output {experiment_run_dir}/records.jsonl",
        use_mpi=True,
    )
    workload("run", executables=["run"])

    workload_variable("tidemark", default="{tidemark_path}/bin/tidemark", description="Executable",
                      workloads=["run"])
    workload_variable("input", default="{tidemark_path}/inputs/quickstart.yaml",
                      description="YAML input", workloads=["run"])
    workload_variable("settings", default="", description="More of --set KEY=VALUE",
                      workloads=["run"])

    # A record is one line. Its keys have the order of the schema. `valid` comes before all figures,
    # so that no figure comes from a record that is not valid. Ramble matches from the start of a
    # line. It would take braces for its own variables, so there are dots in their place.
    records = "{experiment_run_dir}/records.jsonl"
    # Records of version 1 mean something else by efficiency, so they give no figures here.
    version = r'."schema_version":2,'
    valid = r'.*"test":null,"ranks":\d+,"valid":true,.*?'
    mode = (r'.*?"parallel":."tensor":(?P<t>\d+),"sequence":(?P<sequence>\w+)'
            r'.*?"overlap":."mode":"(?P<overlap>\w+)"')
    number = r"(?P<value>-?\d[\d.eE+-]*)"

    figure_of_merit_context("case", regex=mode,
                            output_format="t {t}, sequence {sequence}, overlap {overlap}")

    for title, unit, key in (
        ("model operation rate", "TFLOP/s", r'"fom":..*?"model_tflops_per_s":'),
        ("tokens per second", "tokens/s", r'"fom":..*?"tokens_per_s":'),
        ("step", "ms", r'"time":."step_ms":."median":'),
        ("operation rate of a rank", "GFLOP/s", r'"gflops_per_rank":'),
        ("saved activations of a rank", "B", r'"memory":."saved_bytes":'),
        ("peak of all activations of a rank", "B", r'"peak_bytes":'),
        ("overlap efficiency", "", r'"efficiency":'),
        ("schedule efficiency", "", r'"schedule_efficiency":'),
        ("split cost", "ms", r'"split_cost_ms":'),
    ):
        figure_of_merit(
            title,
            log_file=records,
            fom_regex=version + valid + key + number,
            group_name="value",
            units=unit,
            contexts=["case"],
        )

    success_criteria("a case is valid", mode="string", match=version + valid, file=records)
    success_criteria("no record is of another version", mode="string",
                     anti_match=r'."schema_version":(?!2,)', file=records)
    success_criteria("no case is invalid", mode="string", anti_match=r'.*"valid":(false|null),',
                     file=records)
