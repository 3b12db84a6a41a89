"""How a lab's virtual machine is to be made."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from lab.vm.kernels import Kernel
from lab.vm.machine import Size


@dataclass(frozen=True, slots=True)
class Options:
    """How it is to be made; `confinement` is the lab's inside, as JSON, `modules` are further ones to be loaded."""

    kernel: Kernel
    size: Size
    confinement: str
    modules: tuple[str, ...] = ()

    def to_json(self) -> str:
        told = asdict(self)
        told["kernel"] = {name: str(path) for name, path in told["kernel"].items()}
        return json.dumps(told)

    @classmethod
    def from_json(cls, text: str) -> Options:
        """What `to_json` wrote."""
        told = json.loads(text)
        kernel = Kernel(Path(told["kernel"]["image"]), Path(told["kernel"]["modules"]))
        return cls(kernel, Size(**told["size"]), told["confinement"], tuple(told["modules"]))
