"""The group of commands, and how every command fails: one line on stderr and exit code 2."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from io import TextIOWrapper
from typing import Any, NoReturn

import click

from .. import __version__
from ..demo.libraries import Missing

COUNT = click.IntRange(0)


class Failure(click.ClickException):
    """One line on stderr, exit code 2."""

    exit_code = 2

    def show(self, file: Any = None) -> None:
        """Print the line."""
        click.echo(f"yolo-losses: {' '.join(self.message.split())}", file=file, err=True)


def fail(reason: object) -> NoReturn:
    """End the command with one line."""
    if isinstance(reason, OSError) and reason.filename is not None:
        reason = f"{reason.filename}: {reason.strerror}"
    raise Failure(str(reason)) from None


@contextmanager
def _one_line() -> Iterator[None]:
    """Whatever click has to say, in one line."""
    try:
        yield
    except click.UsageError as error:
        at = f" (see {error.ctx.command_path} --help)" if error.ctx else ""
        fail(error.format_message() + at)


@contextmanager
def failures() -> Iterator[None]:
    """What a caller's data may raise, in one line."""
    try:
        yield
    except (ValueError, TypeError, OSError, Missing) as error:
        fail(error)


class Commands(click.Group):
    """A group of commands whose usage errors are one line."""

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        """Read the options of the group."""
        with _one_line():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        """Read the options of a command and run it."""
        with _one_line():
            return super().invoke(ctx)


def need(extra: str, what: str, *modules: str) -> None:
    """End with the way to install what is missing."""
    missing = [name for name in modules if find_spec(name) is None]
    if missing:
        fail(f"{what} needs {', '.join(missing)}: pip install 'yolo-losses[{extra}]'")


@click.group(cls=Commands, invoke_without_command=True)
@click.version_option(__version__, prog_name="yolo-losses")
@click.pass_context
def main(ctx: click.Context) -> None:
    """The losses of YOLOv1, v2, v3 and v4.

    \b
    Examples:
      yolo-losses demo
      yolo-losses loss --version v3 --raw heads.npz --labels labels/
      yolo-losses explain --version v3 --image coins --object "coin 7"
      yolo-losses bench --way numpy --config A
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a code page may lack a letter
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())
