"""The variables of a pod's program, as kubelet makes them."""

from __future__ import annotations

from lab.cluster.environment import Variable, environment, expanded, variables

FIELDS = {"metadata.name": "web-0", "status.podIP": "10.244.0.2"}


def test_values_and_fields_of_the_pod_are_taken_and_others_are_not() -> None:
    container = {
        "env": [
            {"name": "A", "value": "1"},
            {"name": "EMPTY"},
            {"name": "NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            {"name": "SECRET", "valueFrom": {"secretKeyRef": {"name": "x", "key": "y"}}},
            {"name": "NUL", "value": "a\0b"},
            "garbage",
            {"value": "nameless"},
        ]
    }
    found = variables(container)
    assert found == (Variable("A", "1"), Variable("EMPTY"), Variable("NAME", field="metadata.name"))
    assert environment(found, FIELDS, {}) == {"A": "1", "EMPTY": "", "NAME": "web-0"}
    assert variables({"env": "garbage"}) == variables({}) == ()


def test_earlier_variables_stand_in_later_ones_and_in_the_command() -> None:
    wanted = (
        Variable("IP", field="status.podIP"),
        Variable("URL", "http://$(IP):$(PORT)"),
        Variable("LATE", "$(NONE)$$(IP)"),
    )
    known = environment(wanted, FIELDS, {"PORT": "80"})
    assert known == {"PORT": "80", "IP": "10.244.0.2", "URL": "http://10.244.0.2:80", "LATE": "$(NONE)$(IP)"}
    assert expanded("--listen=$(IP):$(NONE) $HOME", known) == "--listen=10.244.0.2:$(NONE) $HOME"
