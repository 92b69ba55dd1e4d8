"""TensorZero's HTTP server as its wheel holds it; run by the Python of an environment of its own.

Prints its address: it chooses its port itself.
"""

from __future__ import annotations

import sys
import time

import tensorzero  # type: ignore[import-not-found]

if __name__ == "__main__":
    gateway = tensorzero._start_http_gateway(  # noqa: SLF001 - the only door there is to it
        config_file=sys.argv[1], clickhouse_url=None, postgres_url=None, valkey_url=None, async_setup=False
    )
    print(gateway.base_url, flush=True)
    while True:
        time.sleep(3600)
