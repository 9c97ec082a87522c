"""Which MLflow alias stands for a role."""

from __future__ import annotations

import pytest

from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.release import alias


@pytest.mark.parametrize(
    ("role", "environment", "name"),
    [
        ("champion", "prod", "champion"),
        ("challenger", "prod", "challenger"),
        ("champion", "staging", "champion-staging"),
        ("challenger", "eu-west", "challenger-eu-west"),
    ],
)
def test_only_environments_other_than_prod_are_named_in_the_alias(role: str, environment: str, name: str):
    assert alias(role, environment) == name


@pytest.mark.parametrize("environment", ["", "Prod", "a/b", "a b", "-a", "a-", "a" * 33, "prod\n"])
def test_an_environment_that_no_alias_can_carry_is_refused(environment: str):
    with pytest.raises(InputError, match="^environment="):
        alias("champion", environment)


def test_an_unknown_role_is_a_fault_of_the_caller():
    with pytest.raises(ValueError, match="role is 'previous'"):
        alias("previous", "prod")
