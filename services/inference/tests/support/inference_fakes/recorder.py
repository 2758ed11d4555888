"""What would be recorded of predictions."""

from fp_inference.app.values import Completed, Failed, Replay


class FakeRecorder:
    def __init__(self) -> None:
        self.made: list[Completed] = []
        self.replays: list[Replay | None] = []
        self.refused: list[Failed] = []

    def completed(self, completed: Completed, replay: Replay | None) -> None:
        self.made.append(completed)
        self.replays.append(replay)

    def failed(self, failed: Failed) -> None:
        self.refused.append(failed)
