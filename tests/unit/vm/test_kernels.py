"""Which kernel is booted, and what is said of one that cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.errors import MachineError, UsageError
from lab.vm import kernels

RELEASE = "6.1.0-57-amd64"
NEEDED = ("fs/9p/9p", "drivers/char/virtio_console")


def make(root: Path, release: str = RELEASE, modules: tuple[str, ...] = NEEDED) -> Path:
    """A kernel as a package unpacks it; gives its image."""
    (root / "boot").mkdir(parents=True, exist_ok=True)
    folder = root / "lib/modules" / release
    folder.mkdir(parents=True)
    (folder / "modules.dep").write_text("".join(f"kernel/{one}.ko: \n" for one in modules))
    image = root / "boot" / f"vmlinuz-{release}"
    image.write_bytes(b"")
    return image


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of those that `setup --vm` fetches, which is empty; so is the one of those that root has fetched."""
    folder = tmp_path / "kernels"
    monkeypatch.setattr(kernels, "own_folder", lambda: folder)
    monkeypatch.setattr(kernels, "FOR_ALL", tmp_path / "for-all")
    return folder


def test_an_image_is_found_with_its_modules_and_so_is_a_folder(tmp_path: Path) -> None:
    image = make(tmp_path)

    assert kernels.find(str(image)) == kernels.find(str(tmp_path))
    assert kernels.find(str(image)).release == RELEASE
    assert kernels.find(str(image)).root == tmp_path


def test_the_newest_that_can_be_used_is_taken(own: Path) -> None:
    make(own / "a", "6.1.0-9-amd64")
    make(own / "b", "6.1.0-57-amd64")
    make(own / "c", "9.9.9-cloud-amd64", modules=())

    assert kernels.find().release == "6.1.0-57-amd64"


def test_one_that_root_has_fetched_is_everybodys(own: Path) -> None:
    make(own / "a", "6.1.0-9-amd64")
    image = make(kernels.FOR_ALL / "b", "6.1.0-57-amd64")

    assert kernels.find().image == image


def test_one_without_what_it_needs_is_refused_by_name(tmp_path: Path) -> None:
    image = make(tmp_path, "6.1.0-57-cloud-amd64", modules=("drivers/char/virtio_console",))

    with pytest.raises(UsageError, match=r"it has no 9p \(the kernels for clouds lack it\)"):
        kernels.find(str(image))


@pytest.mark.parametrize("name", ["nothing-there", "."])
def test_what_is_no_kernel_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="--kernel"):
        kernels.find(str(tmp_path / name))


def test_without_any_the_package_is_named(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "_there", lambda: iter(()))

    with pytest.raises(MachineError, match="linux-image-") as refused:
        kernels.find()
    assert "setup --vm" in str(refused.value.hint)
    assert not own.exists()
