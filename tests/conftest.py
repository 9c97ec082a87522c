"""Rules for every test of the project."""

import os

import pytest


def pytest_sessionfinish(session: pytest.Session) -> None:
    """On the machine that has everything, a skipped test is a failure."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("KFP_LIFECYCLE_NOTHING_MAY_SKIP") and reporter and reporter.stats.get("skipped"):
        reporter.write_line("tests were skipped, and KFP_LIFECYCLE_NOTHING_MAY_SKIP is set", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
