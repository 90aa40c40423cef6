"""`python -m app COMMAND`: the command line. Bad input ends with one line on stderr and exit code 2."""

from __future__ import annotations

import os
import sys

from sqlalchemy.exc import DatabaseError

from app.commands import (
    catalogue,
    compare,
    doctor,
    explain,
    interchange,
    measure,
    repeat,
    report,
    requests,
    serve,
    sweep,
)
from app.commands.common import BAD_INPUT, RUN_FAILED, OneLineParser
from optimizers.errors import InputError
from store.database import explain_database_error


def parser() -> OneLineParser:
    top = OneLineParser(prog="rung", description="Measures what each LLM-serving optimization is worth.")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=OneLineParser)
    serve.add_commands(commands)
    measure.add_commands(commands)
    sweep.add_command(commands)
    repeat.add_command(commands)
    compare.add_command(commands)
    explain.add_command(commands)
    requests.add_command(commands)
    report.add_command(commands)
    interchange.add_commands(commands)
    catalogue.add_commands(commands)
    doctor.add_command(commands)
    return top


def main(argv: list[str] | None = None) -> int:
    arguments = parser().parse_args(argv)
    try:
        code: int = arguments.run(arguments)
    except InputError as error:
        print(f"rung: {error}", file=sys.stderr)
        return BAD_INPUT
    except DatabaseError as error:
        reason = explain_database_error(error)
        if reason is None:
            raise
        print(f"rung: the database {reason}", file=sys.stderr)
        return RUN_FAILED
    except BrokenPipeError:
        # Whoever read our output has left (`| head`); nothing is wrong.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code


if __name__ == "__main__":
    sys.exit(main())
