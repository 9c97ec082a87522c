"""``schedules``: recurring runs as a file declares them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace

from kfp_lifecycle.adapters import kfp_schedules
from kfp_lifecycle.adapters.kfp_connection import KfpConnection, connect
from kfp_lifecycle.adapters.kfp_errors import KfpError
from kfp_lifecycle.adapters.schedule_applying import NotSettled, apply_schedule
from kfp_lifecycle.adapters.schedule_resolution import resolved
from kfp_lifecycle.cli.connection_arguments import add_connection_arguments
from kfp_lifecycle.cli.schedule_lines import difference_lines, summary, write_line
from kfp_lifecycle.core.errors import InputError
from kfp_lifecycle.core.schedule_changes import Difference, check_ownership, differences
from kfp_lifecycle.core.schedule_plan import Found
from kfp_lifecycle.core.schedules import Declared, read_schedules

CHANGES = 3
_DESCRIPTION = f"""The file declares the recurring runs of one owner; see docs/schedules.md. Exit code 0: all is well;
1: the API refused or did not answer, and `apply` has to be run again; 2: the file or an argument is wrong and nothing
was written; {CHANGES}: with --exit-code, there is something to do."""
_ACTIONS = {
    "plan": "say what apply would do",
    "apply": "create, replace, enable, disable and remove recurring runs",
    "diff": "show field by field what differs",
}


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser("schedules", help="keep recurring runs as a file", description=_DESCRIPTION)
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    for name, text in _ACTIONS.items():
        action = actions.add_parser(name, help=text, description=_DESCRIPTION)
        action.add_argument("file", metavar="schedules.yaml")
        action.add_argument(
            "--adopt", action="store_true", help="also replace recurring runs of the same names that are not its own"
        )
        if name != "apply":
            action.add_argument(
                "--exit-code", action="store_true", help=f"exit with {CHANGES} when there is something to do"
            )
        add_connection_arguments(action)
        action.set_defaults(run=run, action=name)


def run(args: argparse.Namespace) -> int:
    try:
        declared = read_schedules(args.file)
        connection = connect(args.host, args.namespace)
        todo = _differences(connection, declared, args.adopt)
        if args.action == "apply":
            _apply(connection, declared, todo, args.adopt)
        else:
            _print(connection, todo, args.action)
    except InputError as error:
        print(f"schedules: {error}", file=sys.stderr)
        return 2
    except (KfpError, kfp_schedules.ScheduleNotKept, NotSettled) as error:
        print(f"schedules: {error}", file=sys.stderr)
        return 1
    return CHANGES if args.action != "apply" and args.exit_code and todo else 0


def _differences(connection: KfpConnection, declared: Declared, adopt: bool) -> list[Difference]:
    wanted = resolved(connection, declared)
    todo = differences(wanted, kfp_schedules.list_schedules(connection), declared.owner)
    if not adopt:
        check_ownership(todo, declared.owner, declared.file)
    return todo


def _print(connection: KfpConnection, todo: Sequence[Difference], action: str) -> None:
    for difference in todo:
        named = [kfp_schedules.with_names(connection, it) for it in difference.found]
        for line in difference_lines(replace(difference, found=tuple(named)), in_full=action == "diff"):
            print(line)
    print(summary(todo), flush=True)


def _apply(connection: KfpConnection, declared: Declared, todo: Sequence[Difference], adopt: bool) -> None:
    for difference in todo:
        name = difference.name
        apply_schedule(
            connection,
            name,
            difference.wanted,
            _chooser(declared, difference, adopt),
            lambda write, name=name: print(write_line(name, write), flush=True),  # type: ignore[misc]
        )
    print(summary(todo, done=True), flush=True)


def _chooser(declared: Declared, difference: Difference, adopt: bool) -> Callable[[list[Found]], list[Found]]:
    """Which recurring runs of a name may be touched: of a removed one its owner's, of a declared one all of them."""

    def chosen(found: list[Found]) -> list[Found]:
        if difference.wanted is None:
            return [it for it in found if it.owner == declared.owner]
        if not adopt:
            check_ownership(differences([difference.wanted], found, declared.owner), declared.owner, declared.file)
        return found

    return chosen
