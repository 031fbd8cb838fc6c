"""The steps of each schema that there is, and what a release says of a version it does not know."""

from __future__ import annotations

import tomllib
from itertools import pairwise

import pytest

from device.bridge import spool_versions
from host.errors import SchemaError
from host.schema import Schema, Written
from lab.rig.services import ROOT
from oracle.journal import versions as journal_versions

SCHEMAS = (journal_versions.SCHEMA, spool_versions.SCHEMA)


def parts(release: str) -> tuple[int, ...]:
    return tuple(int(part) for part in release.split("."))


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: schema.name)
def test_schema__its_steps__follow_each_other_and_name_releases_that_there_are(
    schema: Schema,
) -> None:
    numbers = [step.number for step in schema.steps]
    assert numbers == [*range(schema.oldest + 1, schema.newest + 1)]
    now = parts(tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"])
    releases = [parts(step.release) for step in schema.steps]
    assert all(earlier <= later for earlier, later in pairwise([*releases, now]))


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: schema.name)
def test_due__each_version__the_steps_from_there_on(schema: Schema) -> None:
    for version in range(schema.oldest, schema.newest + 1):
        steps = schema.due(Written(version), "x")
        assert [step.number for step in steps] == [*range(version + 1, schema.newest + 1)]
    for version, said in ((schema.newest + 1, "Install a newer release, or"), (0, "takes over")):
        with pytest.raises(SchemaError, match=said):
            schema.due(Written(version), "x")
