"""A real gRPC server with the health service: `python grpc_server.py ADDRESS:PORT` runs in a pod.

It serves as a whole; its service `shop` does not. SIGUSR1 has the whole serve no longer.
"""

from __future__ import annotations

import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

Status = health_pb2.HealthCheckResponse


def serve(at: str, *, with_health: bool = True) -> tuple[Any, Any]:
    """A server that listens there, and its health service; `with_health` without one."""
    server = grpc.server(ThreadPoolExecutor(max_workers=2))
    servicer = health.HealthServicer()
    servicer.set("", Status.SERVING)
    servicer.set("shop", Status.NOT_SERVING)
    if with_health:
        health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    assert server.add_insecure_port(at)
    server.start()
    return server, servicer


if __name__ == "__main__":
    _, _servicer = serve(sys.argv[1])
    signal.signal(signal.SIGUSR1, lambda *_: _servicer.set("", Status.NOT_SERVING))
    while True:
        signal.pause()
