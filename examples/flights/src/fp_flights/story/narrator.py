"""What the reader of the story sees: stages with a spinner on a terminal, plain lines elsewhere."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table


class Narrator:
    """Everything for people goes to stderr or the terminal; the last line of stdout belongs to programs."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False)
        self._started = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._started

    def chapter(self, title: str) -> None:
        self.console.print(f"\n[bold]{title}[/bold]  [dim]{self.seconds:.1f} s[/dim]")

    def say(self, text: str) -> None:
        self.console.print(f"  {text}")

    @contextmanager
    def stage(self, title: str) -> Iterator["Stage"]:
        """A stage that takes a while; its notes replace each other on a terminal."""
        if not self.console.is_terminal:
            yield PrintedStage(self, title)
            return
        columns = (SpinnerColumn(), TextColumn("  {task.description}"), TimeElapsedColumn())
        with Progress(*columns, console=self.console, transient=True) as progress:
            yield LiveStage(self, progress, progress.add_task(title), title)

    @contextmanager
    def progress(self, title: str, total: int) -> Iterator["Bar"]:
        columns = (
            TextColumn("  {task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}"),
        )
        with Progress(*columns, console=self.console, disable=not self.console.is_terminal) as progress:
            yield Bar(self, progress, progress.add_task(title, total=total, note=""), total)

    def table(self, title: str, columns: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
        table = Table(title=title, title_justify="left", box=None, header_style="bold", pad_edge=False)
        for column in columns:
            table.add_column(column)
        for row in rows:
            table.add_row(*(str(cell) for cell in row))
        self.console.print()
        self.console.print(table)


class Stage:
    """note: what happens now. done: what came out of it."""

    def note(self, text: str) -> None: ...

    def done(self, text: str) -> None: ...


class PrintedStage(Stage):
    def __init__(self, narrator: Narrator, title: str) -> None:
        self._narrator = narrator
        self._title = title

    def note(self, text: str) -> None:
        self._narrator.say(f"{self._title}: {text}")

    def done(self, text: str) -> None:
        self._narrator.say(f"{self._title}: {text}")


class LiveStage(Stage):
    def __init__(self, narrator: Narrator, progress: Progress, task: Any, title: str) -> None:
        self._narrator = narrator
        self._progress = progress
        self._task = task
        self._title = title

    def note(self, text: str) -> None:
        self._progress.update(self._task, description=f"{self._title}: {text}")

    def done(self, text: str) -> None:
        self._narrator.say(f"{self._title}: {text}")


class Bar:
    """Progress of something counted; off a terminal it prints every fifth part."""

    def __init__(self, narrator: Narrator, progress: Progress, task: Any, total: int) -> None:
        self._narrator = narrator
        self._progress = progress
        self._task = task
        self._total = total
        self._done = 0
        self._started = time.monotonic()

    def advance(self) -> None:
        self._done += 1
        rate = self._done / max(time.monotonic() - self._started, 1e-9)
        self._progress.update(self._task, completed=self._done, note=f"{rate:.0f}/s")
        if self._progress.disable and self._done % max(self._total // 5, 1) == 0:
            self._narrator.say(f"{self._done} of {self._total}, {rate:.0f}/s")
