"""Why a program that is on this machine was not found in a place."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence

SHOWN = ("/usr", "/opt")
"""Of the machine's folders with programs those that places show."""

_UNSEEN = """\
hoplab: {program}: {here} is not seen in places, which show this machine's /usr and /opt
hint: share its folder when the lab is built: up --share {folder}
"""
_ELSEWHERE = """\
hoplab: {program}: not found there with PATH={path}
hint: it is {here}
"""
_NO_INTERPRETER = """\
hoplab: {program}: {here} is there, but what runs it is not
hint: `head -1 {here}` names its interpreter; up --share FOLDER shows one of your folders in places
"""


def reason(program: str, path: str, own_path: str, shared: Sequence[str]) -> str:
    """What the person reads where the place found none in `path`, and they have one in `own_path`; "" where they have
    none either. `shared` are the folders of theirs that places show.
    """
    here = shutil.which(program, path=own_path)
    if here is None:
        return ""
    real = os.path.realpath(here)
    if not any(real.startswith(f"{folder}/") for folder in (*SHOWN, *shared)):
        return _UNSEEN.format(program=program, here=here, folder=os.path.dirname(real))
    if "/" not in program and shutil.which(program, path=path) is None:
        return _ELSEWHERE.format(program=program, path=path, here=here)
    return _NO_INTERPRETER.format(program=program, here=here)
