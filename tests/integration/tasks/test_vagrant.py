"""The Vagrantfile, as Vagrant reads it and, where Vagrant skips a provider's part, as Ruby's own parser does."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.integration.labs import ROOT

FOLDER = ROOT / "vagrant"
WRITTEN = ("HOME", "VAGRANT_HOME", "VAGRANT_DOTFILE_PATH")
"""What Vagrant writes: nothing of it into the checkout."""
needs_vagrant = pytest.mark.skipif(shutil.which("vagrant") is None, reason="no vagrant here: apt install vagrant")
needs_ruby = pytest.mark.skipif(shutil.which("ruby") is None, reason="no ruby here: apt install ruby")

# What the providers' documentation has of a machine's fields, as far as we use it: vagrant-libvirt's "domain specific
# options", and Vagrant's page on configuring VirtualBox.
DOCUMENTED = {
    "libvirt": {"memory", "cpus", "cpu_mode", "nested"},
    "virtualbox": {"memory", "cpus", "customize"},
}
# Of every block `….provider "NAME" do |variable|`: the names of what is set or called on its variable.
READING = """
require "ripper"; require "json"
def walk(node, &block)
  return unless node.is_a?(Array)
  yield node
  node.each { |one| walk(one, &block) }
end
found = {}
walk(Ripper.sexp(File.read(ARGV[0]))) do |node|
  next unless node[0] == :method_add_block && node[1].inspect.include?('"provider"')
  name = nil
  walk(node[1]) { |one| name ||= one[1] if one[0] == :@tstring_content }
  variable = nil
  walk(node[2][1]) { |one| variable ||= one[1] if one[0] == :@ident }
  used = []
  walk(node[2][2]) do |one|
    next unless [:field, :call, :command_call].include?(one[0]) && one[1].inspect.include?(variable.inspect)
    used << one[3][1]
  end
  found[name] = used.uniq
end
puts JSON.dump(found)
"""


def validated(tmp_path: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """`vagrant validate` of what this machine's providers need not be there for."""
    return subprocess.run(
        ("vagrant", "validate", "--ignore-provider"),
        cwd=FOLDER,
        env={**os.environ, **{name: str(tmp_path / name) for name in WRITTEN}, **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@needs_vagrant
@pytest.mark.parametrize("box", ["debian", "ubuntu"])
def test_one_machine_and_a_class_are_valid(tmp_path: Path, box: str) -> None:
    alone = validated(tmp_path, HOPLAB_BOX=box)
    assert alone.returncode == 0, alone.stderr
    assert "hoplab:" in alone.stdout

    several = validated(tmp_path, HOPLAB_BOX=box, HOPLAB_CLASS="3")
    assert several.returncode == 0, several.stderr
    assert [name for name in ("learner-1", "learner-2", "learner-3", "learner-4") if f"{name}:" in several.stdout] == [
        "learner-1",
        "learner-2",
        "learner-3",
    ]


@needs_vagrant
@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("HOPLAB_BOX", "fedora", "it may be debian or ubuntu"),
        ("HOPLAB_CLASS", "0", "a number of 1 or more"),
        ("HOPLAB_MEMORY", "much", "a number of 1024 or more"),
    ],
)
def test_a_wrong_variable_is_answered_with_what_would_be_right(
    tmp_path: Path, variable: str, value: str, told: str
) -> None:
    done = validated(tmp_path, **{variable: value})
    assert done.returncode != 0
    assert told in done.stderr, done.stderr


@needs_ruby
def test_each_providers_fields_are_those_that_it_documents() -> None:
    read = subprocess.run(
        ("ruby", "-e", READING, str(FOLDER / "Vagrantfile")), capture_output=True, text=True, check=True, timeout=60
    )
    used = {name: set(fields) for name, fields in json.loads(read.stdout).items()}
    assert used == DOCUMENTED
